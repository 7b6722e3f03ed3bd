"""A small catalogue as text, for the tests that need one: a matter of each kind and each kind of rule."""

CATALOGUE = """
[[board]]
key = "city"
name = "城市"
name_en = "City"
[[module]]
key = "grid"
name = "网格化管理"
name_en = "Grid management"

[[matter]]
key = "rubbish"
name = "暴露垃圾"
name_en = "Exposed rubbish"
board = "city"
module = "grid"
lead = "sanitation"
helpers = ["village"]
standard = "清理干净"
standard_en = "Cleaned up"
post = "member"
clocks = { respond = "30m urgent_hour", arrive = "1h urgent_hour", handle = "4h work_hour" }
merge = { radius = 200, minutes = 30 }
opens_on = ["rubbish", "litter"]

[[matter]]
key = "fire"
name = "火情"
name_en = "Fire"
board = "city"
module = "grid"
priority = 1
lead = "emergency"
standard = "扑灭"
standard_en = "Put out"
post = "patrol"
clocks = { respond = "5m urgent_hour", handle = "2h urgent_hour" }
merge = { radius = 300, minutes = 60 }
opens_on = ["smoke", "water_level_high", "device_offline"]
skills = ["fire"]

[[matter]]
key = "other"
name = "其他"
name_en = "Other"
board = "city"
module = "grid"
lead = "centre"
standard = "已答复"
standard_en = "Answered"
post = "member"
clocks = { respond = "30m urgent_hour", handle = "5d work_day" }
merge = { radius = 50, minutes = 10 }
opens_on = ["other"]

[[threshold]]
quantity = "water_level"
raise = 3.0
clear = 2.8
direction = "above"
hold = 60
category = "water_level_high"
severity = 3

[[silence]]
kind = "sensor"
after = 900
category = "device_offline"
severity = 1
"""

"""A small organisation as text: town T with the grids T, T1 and the dedicated X9, and roles with names of their own."""

ORGANISATION = """
[site]
code = "test"
name = "试验镇"
name_en = "Test Town"
lon = 119.2
lat = 34.9

[[town]]
code = "T"
name = "试验镇"
name_en = "Test Town"
[[district]]
code = "D1"
name = "一片区"
name_en = "District 1"
[[squad]]
code = "Q1"
name = "一中队"
name_en = "Squad 1"
districts = ["D1"]
[[village]]
code = "V1"
name = "一村"
name_en = "Village 1"
district = "D1"
[[post]]
name = "巡查岗"
name_en = "Patrol post"
[[skill]]
key = "city"
name = "城市管理"
name_en = "City"

[[department]]
code = "sanitation"
name = "环卫所"
name_en = "Sanitation Station"
[[department]]
code = "village"
name = "村委会"
name_en = "Village Committee"
[[department]]
code = "emergency"
name = "应急办"
name_en = "Emergency Office"
[[department]]
code = "centre"
name = "指挥中心"
name_en = "Command Centre"
[[department]]
code = "police-T"
name = "派出所"
name_en = "Police Station"
town = "T"

[[role]]
key = "head"
name = "网格长"
name_en = "Grid chief"
level = 1
[[role]]
key = "spokesman"
name = "联络员"
name_en = "Liaison"
liaison = true
[[role]]
key = "inspector"
name = "督查员"
name_en = "Inspector"
[[role]]
key = "second"
name = "值班长"
name_en = "Supervisor"
level = 2
[[role]]
key = "third"
name = "值班领导"
name_en = "Duty leader"
level = 3

[[person]]
id = "d1"
name = "杜一"
name_en = "Du Yi"
role = "third"
[[person]]
id = "s1"
name = "苏一"
name_en = "Su Yi"
role = "second"
[[person]]
id = "s2"
name = "苏二"
name_en = "Su Er"
role = "second"
[[person]]
id = "c0"
name = "陈零"
name_en = "Chen Ling"
role = "head"
grids = ["T"]
[[person]]
id = "c1"
name = "陈一"
name_en = "Chen Yi"
role = "head"
grids = ["T1"]
phone = "199-0000-0001"
[[person]]
id = "c9"
name = "陈九"
name_en = "Chen Jiu"
role = "head"
grids = ["X9"]
[[person]]
id = "l1"
name = "林一"
name_en = "Lin Yi"
role = "spokesman"
department = "sanitation"
[[person]]
id = "l2"
name = "林二"
name_en = "Lin Er"
role = "spokesman"
department = "emergency"
[[person]]
id = "l3"
name = "林三"
name_en = "Lin San"
role = "spokesman"
department = "emergency"
[[person]]
id = "i1"
name = "殷一"
name_en = "Yin Yi"
role = "inspector"
grids = ["U"]
department = "village"
"""

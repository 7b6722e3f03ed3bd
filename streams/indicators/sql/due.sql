-- 应结数 | Due
-- fell due · count
-- 处置时限在当期届满的案件，不论何时收到；并案和缓办中的不算。
-- Cases whose limit to handle ends in the period, whenever they came in; not merged ones nor suspended ones.
SELECT * FROM fell_due

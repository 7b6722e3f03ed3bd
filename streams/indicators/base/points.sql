-- The points of the span, one row a point: each names the act behind it by its stream id. An act that came too late to
-- change anything earns none. A correction is an act of its own, on the log of whose score it is.
CREATE TEMP TABLE points AS
WITH done AS (
    SELECT a.ms, a.seq, a.at AS moment, a.no, a.act, a.by, a.text, a.patrol, a.detail
    FROM acts a
    WHERE a.at >= getvariable('begin') AND a.at < getvariable('finish') AND detail IS DISTINCT FROM 'late'
), place AS (
    SELECT no, max(ms * 1048576 + seq) AS place FROM cases WHERE no IN (SELECT no FROM done) GROUP BY no
), limits AS (
    SELECT
        c.no, c.grid, c.matter, c.priority, c.respond_due AS respond, c.arrive_due AS arrive, c.handling_due AS handle,
        from_json(c.clocks, '[{"name":"VARCHAR","due":"BIGINT","of":"VARCHAR"}]') AS clocks
    FROM cases c JOIN place ON place.no = c.no AND place.place = c.ms * 1048576 + c.seq
), judged AS (
    SELECT
        done.*, rules.key AS rule, rules.part, rules.to AS kind, limits.matter, rules.late, rules.clock,
        rules.points * parts.weight
            * CASE WHEN rules.part = 'module' THEN coalesce(weights.weight, 1) ELSE 1 END AS points,
        CASE rules.to
            WHEN 'person' THEN persons.id
            WHEN 'squad' THEN persons.squad
            WHEN 'grid' THEN limits.grid
            ELSE CASE WHEN done.act IN ('check_in', 'finish', 'dismiss') THEN done.detail ELSE matters.lead END
        END AS who,
        done.moment <= CASE rules.clock
            WHEN 'respond' THEN limits.respond
            WHEN 'arrive' THEN limits.arrive
            WHEN 'handle' THEN limits.handle
            WHEN 'check_in' THEN to_timestamp(list_filter(limits.clocks,
                lambda each: each.name = 'check_in' AND each.of = done.detail)[-1].due / 1000)
        END AS in_time
    FROM done
    JOIN rules ON rules.act = done.act
    JOIN parts ON parts.key = rules.part
    JOIN limits ON limits.no = done.no
    LEFT JOIN matters ON matters.key = limits.matter
    LEFT JOIN weights ON weights.key = matters.module
    LEFT JOIN persons ON persons.id = done.patrol
    WHERE (len(rules.scores) = 0 OR list_contains(rules.scores, try_cast(done.detail AS INT)))
        AND (len(rules.modules) = 0 OR list_contains(rules.modules, matters.module))
        AND (len(rules.priorities) = 0 OR list_contains(rules.priorities, limits.priority))
        AND (len(rules.posts) = 0 OR list_contains(rules.posts, persons.post))
)
SELECT ms, seq, moment, no, act, "by", '' AS text, part, rule, kind, who, points
FROM judged
WHERE coalesce(who, '') <> '' AND (clock = '' OR in_time = NOT late)
UNION ALL BY NAME
SELECT
    ms, seq, moment, detail ->> '$.case' AS no, act, "by", text, detail ->> '$.part' AS part, 'correction' AS rule,
    detail ->> '$.to' AS kind, detail ->> '$.who' AS who, (detail ->> '$.points')::DOUBLE AS points
FROM done WHERE act = 'correct' AND no LIKE 'score:%'

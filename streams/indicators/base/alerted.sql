-- Beside the inflow: alerts of matters that announce first, by when they were first heard, and what became of them. `no`
-- names the alert: the device, a slash, the alert.
CREATE TEMP TABLE alerted AS
WITH heard AS (
    SELECT
        e.device || '/' || (e.body ->> '$.alert') AS no, min(e.received) AS moment, min_by({key}, e.received) AS key
    FROM events e
    JOIN announcing ON announcing.category = e.category
    LEFT JOIN keys ON keys.value = {column}
    WHERE e.kind = 'alert' AND e.phase <> 'end' AND NOT list_has_any(e.flags, ['late', 'unplaced'])
    GROUP BY ALL
), told AS (
    SELECT ms, seq, unnest(from_json(alerts, '["json"]')) AS alert
    FROM changes WHERE alerts LIKE '%"announced":%'
), became AS (
    SELECT
        alert ->> '$.alert' AS no,
        bool_or((alert ->> '$.announced') IS NOT NULL) AS announced,
        max_by(alert ->> '$.settled', (ms, seq)) = 'announcement' AS settled
    FROM told GROUP BY ALL
)
SELECT heard.*, periods.period, coalesce(announced, false) AS announced, coalesce(settled, false) AS settled
FROM heard
ASOF JOIN periods ON heard.moment >= periods.since
LEFT JOIN became ON became.no = heard.no
WHERE moment < getvariable('finish')

"""Every key in Redis: its type, how long it lives, who writes it and who reads it. New keys get their row here first.

All keys of a site share one hash tag, so that a script may touch any of them on Redis Cluster.

| key               | type   | lives                      | written by                  | read by |
|-------------------|--------|----------------------------|-----------------------------|---------|
| `events`          | stream | 24 h, at most 2 M entries  | record                      | archive, API |
| `changes`         | stream | 15 min                     | record, act, notice         | feed, archive |
| `journal`         | stream | 24 h                       | whoever changes something   | archive |
| `archived`        | hash   | with the archive           | archive worker              | whoever trims a stream |
| `dead`            | stream | 100,000 entries            | ingest (refused messages)   | API, pages |
| `outbox`          | stream | until published            | act, record, clock          | clock worker |
| `acts`            | stream | 35 days                    | whoever writes a log entry  | clock worker, archive |
| `seals`           | stream | 35 days                    | clock worker                | `cases verify` |
| `seal`            | hash   | with the site              | clock worker                | clock worker, daily report |
| `seen:<day>`      | set    | 4 days                     | record                      | record (de-duplication) |
| `fixes:<bucket>`  | set    | 3 buckets of 20 min        | record                      | record (same, of positions) |
| `patrol:<id>`     | hash   | registered; else 4 days    | record, act                 | record, act, feed |
| `patrols`         | zset   | registered; else 4 days    | record (last `received`)    | feed, clock worker |
| `device:<id>`     | hash   | with the register          | record                      | record, feed |
| `devices`         | zset   | with the register          | record (last `received`)    | feed, clock worker |
| `alert:<key>`     | hash   | 35 days; ended: 4 days     | record                      | record, feed |
| `alerts`          | zset   | 4 days                     | record (last `received`)    | feed |
| `announced`       | zset   | until looked at again      | record (when to look)       | clock |
| `pending`         | hash   | until looked at again      | record (the case to open)   | record, clock |
| `case:<no>`       | hash   | 35 days after it closed    | record, act                 | record, act, feed, API |
| `log:<no>`        | list   | with the case              | record, act, clock          | API, pages |
| `log:score:<to>/<who>` | list | 35 days                  | correct (of the score)      | `cases verify` |
| `cases:open`      | zset   | while the case is open     | record, act (next deadline) | feed |
| `reminders`       | zset   | while a clock runs         | all three (next mark)       | clock |
| `waking`          | zset   | while suspended            | act (until when)            | clock |
| `auto`            | zset   | until somebody is sent     | clock                       | clock worker |
| `unanswered`      | zset   | until it is answered       | act, clock (when to repeat) | clock |
| `calls:<department>` | geo | until it checked in        | act                         | record (checks it in) |
| `checking`        | zset   | until checked in           | record (when it was near)   | clock worker (checks it in) |
| `partners`        | hash   | with the site              | clock worker (whom we lend) | partners |
| `aid:<id>`        | hash   | 35 days after its end      | aid_lend                    | clock workers, API |
| `aids`            | zset   | 35 days                    | aid_lend (when asked)       | API |
| `lending`         | set    | until its end              | aid_lend                    | clock workers |
| `borrowing`       | hash   | until its end              | aid_ask (what was asked)    | act, clock worker |
| `draws`           | stream | with the site              | draw                        | whoever repeats a draw |
| `cases:<day>`     | zset   | 35 days                    | record (received)           | figures |
| `cases:closed:<day>` | zset | 35 days                   | act (closed)                | figures |
| `near:<matter>`   | geo    | while cases are open       | record, act                 | record (merging) |
| `number:<day>`    | string | 4 days                     | record                      | record |
| `done:<no>/<act>/<by>/<request>` | string | 4 days     | act                         | act (a repeated call) |
| `sender`          | string | 15 s                       | clock worker                | clock worker (who sends) |
| `sent:<day>`      | hash   | 4 days                     | act (patrol -> cases)       | who could go |
| `counts:<day>`    | hash   | 35 days                    | record, ingest              | pages, metrics |
| `unknown`         | zset   | the last 1,000             | record (last `received`)    | pages |
| `sources`         | hash   | with the sources           | record (last `received`)    | feed |
| `account:<name>`  | hash   | with the account           | accounts                    | accounts |
| `accounts`        | set    | with the accounts          | accounts                    | accounts |
| `session:<hash>`  | hash   | 12 h                       | accounts                    | accounts |
| `token:<hash>`    | hash   | with the account           | accounts                    | accounts |

Where an archive worker works, no entry of `events`, `acts`, `changes` and `journal` goes before it has it (the fields
of `archived`: the last stream ids it has committed, and `at`, epoch ms); of more than 2 M `events`, one hour is kept.

`journal`: one entry for each call of a script that changed something, in the order of the changes: `k` what it was
(`record`, `act`, `look`, `told`, `register`), `n` its time in epoch ms, `v` the version of the configuration, `a` what
was asked (JSON), `c` how many entries it appended to `events`. See `journal.py`.

`<day>` is the local day of TIMEZONE, `YYYY-MM-DD`, of `received`. Scripts build the names from the same prefix. A
position that the broker sends again after more than an hour is recorded again: of positions, which are so many, only
the last three buckets are remembered. Of mutual aid the keys of the lender are read by the borrower too.
"""

from __future__ import annotations

from dataclasses import dataclass

EVENTS_KEPT = 2_000_000
EVENTS_MS = 24 * 3600 * 1000
EVENTS_ARCHIVED_MS = 3600 * 1000
"""What is kept of more than EVENTS_KEPT events, where an archive has them."""
CHANGES_MS = 15 * 60 * 1000
JOURNAL_MS = 24 * 3600 * 1000
DEAD_KEPT = 100_000
SEEN_DAYS = 3
FIX_BUCKET_S = 20 * 60
CASE_DAYS = 35


@dataclass(frozen=True)
class Keys:
    """The names of one site's keys."""

    site: str

    @property
    def prefix(self) -> str:
        return f"gridpost:{{{self.site}}}:"

    def __call__(self, name: str) -> str:
        return self.prefix + name

    @property
    def events(self) -> str:
        return self("events")

    @property
    def changes(self) -> str:
        return self("changes")

    @property
    def journal(self) -> str:
        return self("journal")

    @property
    def archived(self) -> str:
        return self("archived")

    @property
    def dead(self) -> str:
        return self("dead")

    @property
    def outbox(self) -> str:
        return self("outbox")

    @property
    def acts(self) -> str:
        return self("acts")

    @property
    def seals(self) -> str:
        return self("seals")

    @property
    def seal(self) -> str:
        return self("seal")

    @property
    def sender(self) -> str:
        return self("sender")

    @property
    def patrols(self) -> str:
        return self("patrols")

    @property
    def devices(self) -> str:
        return self("devices")

    @property
    def alerts(self) -> str:
        return self("alerts")

    @property
    def sources(self) -> str:
        return self("sources")

    @property
    def unknown(self) -> str:
        return self("unknown")

    @property
    def open_cases(self) -> str:
        return self("cases:open")

    def cases_of(self, day: str) -> str:
        return self(f"cases:{day}")

    def closed_on(self, day: str) -> str:
        return self(f"cases:closed:{day}")

    def case(self, no: str) -> str:
        return self(f"case:{no}")

    def log(self, no: str) -> str:
        return self(f"log:{no}")

    def patrol(self, patrol: str) -> str:
        return self(f"patrol:{patrol}")

    def device(self, device: str) -> str:
        return self(f"device:{device}")

    def alert(self, alert: str) -> str:
        return self(f"alert:{alert}")

    def counts(self, day: str) -> str:
        return self(f"counts:{day}")

    @property
    def partners(self) -> str:
        return self("partners")

    def aid(self, name: str) -> str:
        return self(f"aid:{name}")

    @property
    def aids(self) -> str:
        return self("aids")

    @property
    def lending(self) -> str:
        return self("lending")

    @property
    def borrowing(self) -> str:
        return self("borrowing")

    def sent(self, day: str) -> str:
        return self(f"sent:{day}")

    def account(self, name: str) -> str:
        return self(f"account:{name}")

    @property
    def accounts(self) -> str:
        return self("accounts")

    def session(self, digest: str) -> str:
        return self(f"session:{digest}")

    def token(self, digest: str) -> str:
        return self(f"token:{digest}")

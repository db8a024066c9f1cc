-- The kernels' model in SQL, for `oomforensics sql`: kernel/badness.py and kernel/selection.py once more. What differs
-- between kernels comes from the table of eras, through what macros.py makes of it: `eras`, _oom_era_*, _oom_readings.
--
-- TEMP: nothing of this is stored, so a history of any age is asked by the rules of the oomforensics that opens it.
-- An argument is put wherever its parameter is named: beside a table, only columns that begin with _ are safe from it.

-- Of at most 30 digits, so that nothing below overflows a HUGEINT. A log can say anything.
CREATE TEMP MACRO _oom_int(n) AS CAST(TRY_CAST(n AS DECIMAL(30, 0)) AS HUGEINT);

CREATE TEMP MACRO _oom_unsigned(n) AS CAST(TRY_CAST(n AS UBIGINT) AS HUGEINT);

-- Here // is C's division, toward zero, and the remainder has the sign of the dividend; `d` is positive.
CREATE TEMP MACRO _oom_floor_div(n, d) AS n // d - CASE WHEN n < 0 AND n % d <> 0 THEN 1 ELSE 0 END;

CREATE TEMP MACRO _oom_int32(n) AS ((n + 2147483648) % 4294967296 + 4294967296) % 4294967296 - 2147483648;

CREATE TEMP MACRO _oom_ulong(n) AS (n + 18446744073709551616::HUGEINT) % 18446744073709551616::HUGEINT;

CREATE TEMP MACRO _oom_permille(share, adj, root_bonus) AS
    least(1000, greatest(1, share + adj - CASE root_bonus
        WHEN 'PERMILLE_30' THEN 30
        WHEN 'PERMILLE_3_PERCENT' THEN share * 3 // 100
        ELSE 0 END));

CREATE TEMP MACRO _oom_pages(charged, adj, unit, root_bonus) AS
    charged + adj * unit - CASE root_bonus
        WHEN 'OWN_3_PERCENT' THEN _oom_floor_div(charged * 3, 100)
        WHEN 'ADJ_30' THEN 30 * unit
        ELSE 0 END;

-- least() and greatest() pass over a NULL, so none may come to them.
CREATE TEMP MACRO _oom_value(score, charged, adj, total, root_bonus) AS
    CASE WHEN charged IS NULL OR adj IS NULL OR total IS NULL OR root_bonus IS NULL OR adj = -1000 THEN NULL
        WHEN score = 'PERMILLE' THEN
            _oom_permille(_oom_floor_div(charged * 1000, greatest(total, 1)), adj, root_bonus)
        WHEN score = 'PERMILLE_INT' THEN _oom_permille(
            _oom_int32(_oom_ulong(_oom_int32(_oom_int32(charged) * 1000)) // greatest(total, 1)), adj, root_bonus)
        WHEN score = 'PAGES_CLAMPED' THEN greatest(1, _oom_pages(charged, adj, total // 1000, root_bonus))
        WHEN score = 'PAGES_SIGNED' THEN _oom_pages(charged, adj, total // 1000, root_bonus) END;

-- `root_bonus` is what this very task is spared: NONE if it has no CAP_SYS_ADMIN.
CREATE TEMP MACRO _oom_badness(score, charged, adj, total, root_bonus) AS
    TRY_CAST(
        _oom_value(score, _oom_int(charged), TRY_CAST(adj AS INTEGER), _oom_unsigned(total), root_bonus) AS BIGINT);

CREATE TEMP MACRO _oom_charged(page_tables, page_size, rss, swapents, nr_ptes, nr_pmds, pgtables_bytes) AS
    _oom_int(rss) + _oom_int(swapents) + CASE page_tables
        WHEN 'NONE' THEN 0
        WHEN 'NR_PTES' THEN _oom_int(nr_ptes)
        WHEN 'NR_PTES_PMDS' THEN _oom_int(nr_ptes) + _oom_int(nr_pmds)
        WHEN 'BYTES' THEN _oom_floor_div(_oom_int(pgtables_bytes), nullif(_oom_unsigned(page_size), 0)) END;

CREATE TEMP MACRO _oom_score(scale, badness, total) AS
    CASE WHEN total IS NULL THEN NULL
        WHEN scale = 'PERMILLE' THEN badness
        WHEN scale = 'PAGES_PERMILLE' THEN badness * 1000 // greatest(total, 1)
        WHEN scale = 'TWO_THIRDS' THEN (1000 + badness * 1000 // greatest(total, 1)) * 2 // 3 END;

CREATE TEMP MACRO oom_charged_pages(
    era, page_size, rss_pages, swapents_pages, nr_ptes := NULL, nr_pmds := NULL, pgtables_bytes := NULL
) AS TRY_CAST(
    _oom_charged(_oom_era_page_tables(era), page_size, rss_pages, swapents_pages, nr_ptes, nr_pmds, pgtables_bytes)
    AS BIGINT);

COMMENT ON MACRO oom_charged_pages IS
'What a process is charged with in kernels of that era, pages: resident, swapped out, and the page tables that they count. NULL: the report does not print all of it';

CREATE TEMP MACRO oom_badness(era, charged_pages, oom_score_adj, totalpages, has_root := false, root_bonus := NULL) AS
    _oom_badness(_oom_era_score(era), charged_pages, oom_score_adj, totalpages,
        CASE WHEN has_root THEN _oom_bonus(coalesce(root_bonus, _oom_era_root(era))) ELSE 'NONE' END);

COMMENT ON MACRO oom_badness IS
'oom_badness() of that era, pages; thousandths of totalpages before 3.5. has_root: it has CAP_SYS_ADMIN. root_bonus: what that spares it in place of eras.root. NULL: not eligible (oom_score_adj -1000), an input is NULL, or a kernel before 2.6.36';

CREATE TEMP MACRO oom_score(era, badness, system_totalpages) AS
    TRY_CAST(_oom_score(_oom_era_oom_score(era), _oom_int(badness), _oom_unsigned(system_totalpages))
        AS BIGINT);

COMMENT ON MACRO oom_score IS
'/proc/PID/oom_score of a process with this badness; system_totalpages is RAM plus swap, pages. The kernel shows 0 for a process that is not eligible, which has no badness';

-- The candidates of incidents that may be asked, with what does not depend on oom_score_adj. Every pid is qualified and
-- the table taken below its view, because DuckDB looks for a parameter of that name in the views under a macro too.
CREATE TEMP VIEW _oom_candidates AS
SELECT one.incident_id, one.table_order, one.pid, one.comm, coalesce(one.uid = 0, false) AS is_uid_0, one.oom_score_adj,
       one.ineligible_reason, one.badness_pages,
       CASE WHEN one.pid = 1 THEN 'global_init'
           WHEN oom_skip AND reaped.pid IS NOT NULL THEN 'already_killed'
           WHEN one.ineligible_reason = 'vfork_child' THEN 'vfork_child' END AS barred,
       _oom_charged(page_tables, page_size, one.rss_pages, one.swapents_pages, one.nr_ptes, one.nr_pmds,
           one.pgtables_bytes) AS charged,
       era, score, tie, totalpages
FROM t_candidates AS one
JOIN incidents ON incidents.incident_id = one.incident_id
JOIN eras USING (era)
LEFT JOIN (
    SELECT DISTINCT other.incident_id, other.pid FROM t_candidates AS other WHERE other.ineligible_reason = 'already_killed'
) AS reaped ON reaped.incident_id = one.incident_id AND reaped.pid = one.pid
WHERE totalpages IS NOT NULL AND page_size IS NOT NULL AND score <> 'LEGACY'
    AND verdict NOT IN (SELECT verdict FROM _oom_refused);

CREATE TEMP VIEW selections AS
WITH again AS (
    SELECT one.incident_id, reading, root_bonus, ineligible_reason, one.badness_pages,
           CASE WHEN oom_score_adj = -1000 THEN 'oom_score_adj_min' ELSE barred END AS reason,
           charged IS NOT NULL AND coalesce(oom_score_adj BETWEEN -1000 AND 1000, false) AS can_be_scored,
           _oom_badness(score, charged, oom_score_adj, totalpages, CASE WHEN is_uid_0 THEN root_bonus ELSE 'NONE' END)
               AS badness
    FROM _oom_candidates AS one
    JOIN _oom_readings USING (era)
), same AS (
    SELECT incident_id, reading, root_bonus
    FROM again
    GROUP BY incident_id, reading, root_bonus
    HAVING bool_and(
        can_be_scored
        AND reason IS NOT DISTINCT FROM ineligible_reason
        AND CASE WHEN reason IS NULL THEN coalesce(badness = badness_pages, false) ELSE badness_pages IS NULL END
    )
)
SELECT incidents.incident_id,
       CASE WHEN why IS NOT NULL THEN 'nothing to repeat (' || verdict || '): ' || why
           WHEN eras.era IS NULL AND incidents.era IS NOT NULL THEN
               'this version knows no era ' || incidents.era || ': ingest the log again'
           WHEN root_bonus IS NULL THEN _oom_lacking() END AS refused,
       root_bonus
FROM incidents
LEFT JOIN _oom_refused USING (verdict)
LEFT JOIN eras USING (era)
LEFT JOIN (SELECT incident_id, arg_min(root_bonus, reading) AS root_bonus FROM same GROUP BY incident_id) AS first
    USING (incident_id);

COMMENT ON VIEW selections IS 'Whether the kernel''s selection can be repeated exactly, as `oom_rank` and `what-if` do';
COMMENT ON COLUMN selections.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN selections.refused IS 'Why it cannot; NULL: it can';
COMMENT ON COLUMN selections.root_bonus IS 'What every uid 0 must have been spared for badness to be as stored: a name as in eras.root';

CREATE TEMP MACRO oom_rank(id, name := NULL, pattern := NULL, pid := NULL, adj := NULL) AS TABLE
WITH _asked AS (
    SELECT id AS _id, name AS _name, CAST(pattern AS VARCHAR) AS _pattern, pid AS _pid,
           CASE WHEN adj NOT BETWEEN -1000 AND 1000 THEN error('oom_score_adj is -1000 to 1000') ELSE adj END AS _adj
), _changed AS (
    SELECT one.*, selections.root_bonus,
           CASE WHEN _adj IS NOT NULL AND (_name IS NULL OR one.comm = _name)
                    AND (_pattern IS NULL OR one.comm GLOB _pattern) AND (_pid IS NULL OR one.pid = _pid)
               THEN _adj ELSE one.oom_score_adj END AS _new
    FROM _asked
    JOIN selections ON selections.incident_id = _id
    JOIN _oom_candidates AS one ON one.incident_id = _id
    WHERE selections.refused IS NULL
), _scored AS (
    SELECT _changed.*,
           _oom_badness(score, charged, _new, totalpages, CASE WHEN is_uid_0 THEN root_bonus ELSE 'NONE' END) AS _badness
    FROM _changed
    WHERE _changed.barred IS NULL AND _new <> -1000
)
SELECT _scored.pid, _scored.comm, _new AS oom_score_adj, _badness AS badness_pages,
       row_number() OVER (
           PARTITION BY _scored.incident_id
           ORDER BY _badness DESC, CASE WHEN _scored.tie = 'LAST' THEN -_scored.table_order ELSE _scored.table_order END
       ) AS rank
FROM _scored
QUALIFY bool_and(_badness IS NOT NULL) OVER (PARTITION BY _scored.incident_id)
ORDER BY rank;

COMMENT ON MACRO TABLE oom_rank IS
'The kernel''s selection in that incident again, with oom_score_adj `adj` for every process that has this name and this pid and matches this pattern (GLOB), each if given. No rows: nobody is eligible, or selections.refused says why it cannot be repeated. Columns: pid, comm, oom_score_adj, badness_pages, rank (1 = first choice)';

//! The migration lint: the rules of `migrations/README.md` that a program can see.
//!
//! An exception is written into the file, with its reason: `-- allow <rule>: <why>`.

mod statements;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, bail};

use crate::home;
use statements::Statement;

pub fn check() -> Result<()> {
    let folder = home::checkout().join("migrations/sql");
    let mut files: Vec<_> = fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut problems = Vec::new();
    let mut versions = BTreeSet::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let version = name.split('_').next().unwrap_or_default().to_owned();
        if !versions.insert(version) {
            problems.push(format!("{name}: name: another file has the same version"));
        }
        let found = lint(&name, &fs::read_to_string(&file)?);
        problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\nmigrations/README.md has the rules; `-- allow <rule>: <why>` is an exception",
        problems.join("\n")
    )
}

/// The last word of a file's name says what the step does.
const STEPS: [&str; 8] =
    ["add", "backfill", "change", "drop", "grant", "index", "validate", "switch"];

/// What is wrong with one file: each problem begins with the name of its rule.
fn lint(name: &str, text: &str) -> Vec<String> {
    let statements = statements::split(text);
    let created = statements.iter().filter_map(Statement::created_table).collect();
    let mut problems = Vec::new();
    problems.extend(name_problem(name));
    problems.extend(reason_problem(text));
    problems.extend(transaction_problem(text, &statements));
    for statement in &statements {
        problems.extend(statement_problems(statement, &created));
    }
    problems.retain(|problem| !is_allowed(text, problem));
    problems
}

fn name_problem(name: &str) -> Option<String> {
    let words: Vec<&str> = name.strip_suffix(".sql").unwrap_or_default().split('_').collect();
    let good = match words.as_slice() {
        [version, side, .., step] => {
            version.len() == 14
                && version.bytes().all(|byte| byte.is_ascii_digit())
                && ["write", "read"].contains(side)
                && words.len() >= 4
                && STEPS.contains(step)
        }
        _ => false,
    };
    let steps = STEPS.join(", ");
    (!good).then(|| {
        format!("name: must be YYYYMMDDhhmmss_<write|read>_object_step.sql with a step of {steps}")
    })
}

fn reason_problem(text: &str) -> Option<String> {
    let first = text.lines().find(|line| line.trim() != "-- no-transaction")?;
    let words = first.strip_prefix("--").unwrap_or_default().split_whitespace().count();
    (words < 4).then(|| "reason: must begin with a comment that says why".to_owned())
}

fn transaction_problem(text: &str, statements: &[Statement]) -> Option<String> {
    let concurrent = statements.iter().any(|statement| statement.has("CONCURRENTLY"));
    let marked = text.lines().next().is_some_and(|line| line.trim() == "-- no-transaction");
    match (concurrent, marked) {
        (true, false) => {
            Some("concurrently: needs `-- no-transaction` as the first line".to_owned())
        }
        (true, true) if statements.len() > 1 => {
            Some("concurrently: must be the only statement of its file".to_owned())
        }
        (false, true) => Some("concurrently: `-- no-transaction` without need".to_owned()),
        _ => None,
    }
}

fn statement_problems(statement: &Statement, created: &BTreeSet<String>) -> Vec<String> {
    let existing = statement.altered_table().is_some_and(|table| !created.contains(&table));
    let rules = [
        (statement.has("SELECT *") || statement.has("RETURNING *"), "star: name the columns"),
        (
            existing && statement.has(" DROP COLUMN "),
            "drop: the old code still reads this column; contract in a later release",
        ),
        (
            statement.starts("DROP TABLE") || statement.starts("DROP SCHEMA"),
            "drop: the old code still uses it; contract in a later release",
        ),
        (
            existing && statement.has(" RENAME "),
            "rename: the old code does not know the new name; add, backfill, drop",
        ),
        (
            existing && statement.has(" ALTER ") && statement.has(" TYPE "),
            "type: rewrites the table under a lock; add a column, backfill, drop",
        ),
        (
            existing && statement.adds_checked_constraint() && !statement.has("NOT VALID"),
            "not-valid: add the constraint NOT VALID, VALIDATE it in the next file",
        ),
        (
            existing && statement.has(" SET NOT NULL"),
            "not-null: scans the table under a lock; add a NOT VALID check first",
        ),
        (
            existing && statement.adds_required_column(),
            "default: a new NOT NULL column needs a constant default for the rows that exist",
        ),
    ];
    let broken = rules.into_iter().filter(|(broken, _)| *broken);
    let mut problems: Vec<String> = broken.map(|(_, text)| text.to_owned()).collect();
    problems.extend(index_problem(statement, created));
    problems.extend(type_problems(statement));
    problems
}

fn index_problem(statement: &Statement, created: &BTreeSet<String>) -> Option<String> {
    let table = statement.indexed_table()?;
    let blocks = !created.contains(&table) && !statement.has("CONCURRENTLY");
    blocks.then(|| format!("concurrently: blocks writes to {table}; CREATE INDEX CONCURRENTLY"))
}

/// Types that are smaller, looser or zoneless twins of the ones we use.
const TYPES: [(&str, &str); 10] = [
    ("TIMESTAMP", "timestamptz"),
    ("SERIAL", "bigint GENERATED ALWAYS AS IDENTITY"),
    ("BIGSERIAL", "bigint GENERATED ALWAYS AS IDENTITY"),
    ("INT4", "bigint (or integer for a small count)"),
    ("VARCHAR", "text"),
    ("CHAR", "text"),
    ("CHARACTER", "text"),
    ("JSON", "jsonb"),
    ("MONEY", "bigint in minor units"),
    ("TIMETZ", "timestamptz"),
];

fn type_problems(statement: &Statement) -> Vec<String> {
    if !(statement.starts("CREATE TABLE") || statement.starts("ALTER TABLE")) {
        return Vec::new();
    }
    let found = TYPES.iter().filter(|(bad, _)| statement.has_word(bad));
    found
        .map(|(bad, good)| format!("types: use {good} instead of {}", bad.to_lowercase()))
        .collect()
}

fn is_allowed(text: &str, problem: &str) -> bool {
    let rule = problem.split(':').next().unwrap_or_default();
    text.lines().filter_map(|line| line.trim().strip_prefix("-- allow ")).any(|exception| {
        let (name, why) = exception.split_once(':').unwrap_or_default();
        name == rule && !why.trim().is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "20261122100000_write_orders_add.sql";

    fn rules(text: &str) -> Vec<String> {
        let text = format!("-- Why this is here, in one sentence.\n{text}");
        names(&lint(NAME, &text))
    }

    fn names(problems: &[String]) -> Vec<String> {
        problems.iter().map(|problem| problem.split(':').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_good_file_has_no_problem() {
        let text = "CREATE TABLE write.x (id uuid PRIMARY KEY, at timestamptz NOT NULL, v jsonb);\n\
                    CREATE INDEX x_at_idx ON write.x (at);\n\
                    GRANT SELECT ON write.x TO mes_write;";
        assert!(rules(text).is_empty(), "{:?}", rules(text));
    }

    #[test]
    fn names_follow_the_pattern() {
        let good = "-- Why this is here, in one sentence.\nSELECT 1;";
        for bad in [
            "1_write_x_add.sql",
            "20261122100000_side_x_add.sql",
            "20261122100000_write_add.sql",
            "20261122100000_write_x_frob.sql",
        ] {
            assert_eq!(names(&lint(bad, good)), ["name"], "{bad}");
        }
    }

    #[test]
    fn a_reason_comes_first() {
        assert_eq!(names(&lint(NAME, "SELECT 1;")), ["reason"]);
        assert_eq!(names(&lint(NAME, "-- todo\nSELECT 1;")), ["reason"]);
    }

    #[test]
    fn an_index_on_a_table_with_rows_is_built_concurrently_and_alone() {
        assert_eq!(rules("CREATE INDEX a ON write.old (b);"), ["concurrently"]);
        assert_eq!(rules("CREATE UNIQUE INDEX a ON write.old (b);"), ["concurrently"]);
        let good = "-- no-transaction\n-- The board asks for this order.\n\
                    CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON write.old (b);";
        assert!(lint(NAME, good).is_empty(), "{:?}", lint(NAME, good));
        let crowded = format!("{good}\nSELECT 1;");
        assert_eq!(names(&lint(NAME, &crowded)), ["concurrently"]);
        assert_eq!(rules("CREATE INDEX CONCURRENTLY a ON write.old (b);"), ["concurrently"]);
    }

    #[test]
    fn what_the_old_code_uses_stays() {
        assert_eq!(rules("ALTER TABLE write.old DROP COLUMN b;"), ["drop"]);
        assert_eq!(rules("DROP TABLE write.old;"), ["drop"]);
        assert_eq!(rules("ALTER TABLE write.old RENAME COLUMN b TO c;"), ["rename"]);
        assert_eq!(rules("ALTER TABLE write.old ALTER COLUMN b TYPE bigint;"), ["type"]);
        assert_eq!(rules("ALTER TABLE write.old ALTER COLUMN b SET NOT NULL;"), ["not-null"]);
    }

    #[test]
    fn an_exception_needs_a_reason() {
        let drop = "ALTER TABLE write.old DROP COLUMN b;";
        assert!(rules(&format!("-- allow drop: unused since release 3\n{drop}")).is_empty());
        assert_eq!(rules(&format!("-- allow drop:\n{drop}")), ["drop"]);
        assert_eq!(rules(&format!("-- allow type: other rule\n{drop}")), ["drop"]);
    }

    #[test]
    fn constraints_on_tables_with_rows_come_not_valid() {
        let add = "ALTER TABLE write.old ADD CONSTRAINT c CHECK (b > 0)";
        assert_eq!(rules(&format!("{add};")), ["not-valid"]);
        assert!(rules(&format!("{add} NOT VALID;")).is_empty());
        assert!(rules("ALTER TABLE write.old ADD CONSTRAINT c UNIQUE USING INDEX i;").is_empty());
    }

    #[test]
    fn a_required_column_needs_a_default() {
        assert_eq!(rules("ALTER TABLE write.old ADD COLUMN b bigint NOT NULL;"), ["default"]);
        assert!(rules("ALTER TABLE write.old ADD COLUMN b bigint NOT NULL DEFAULT 0;").is_empty());
        assert!(rules("ALTER TABLE write.old ADD COLUMN b bigint;").is_empty());
    }

    #[test]
    fn types_have_zones_and_room() {
        for bad in ["timestamp", "serial", "int4", "varchar(20)", "char(3)", "json"] {
            let text = format!("CREATE TABLE write.x (id uuid PRIMARY KEY, b {bad} NOT NULL);");
            assert_eq!(rules(&text), ["types"], "{bad}");
        }
    }

    #[test]
    fn stars_are_not_selected() {
        assert_eq!(rules("CREATE VIEW read.v AS SELECT * FROM read.x;"), ["star"]);
    }

    #[test]
    fn comments_strings_and_function_bodies_are_not_statements() {
        let text = "-- DROP TABLE write.old;\n/* SELECT * */\n\
                    COMMENT ON TABLE write.old IS 'DROP TABLE; SELECT *';\n\
                    DO $body$ BEGIN RAISE NOTICE 'x'; END $body$;";
        assert!(rules(text).is_empty(), "{:?}", rules(text));
    }
}

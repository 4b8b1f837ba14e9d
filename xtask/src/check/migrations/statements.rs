//! SQL cut into statements, far enough to lint them: comments are gone, strings are empty, the
//! bodies of functions are left out, everything is in capitals with single spaces.

/// One statement, normalised.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement(String);

/// The statements of a file.
pub fn split(sql: &str) -> Vec<Statement> {
    let bare = without_literals(&without_comments(sql));
    let parts = bare.split(';').map(|part| {
        let spaced = part.replace('(', " ( ").replace(')', " ) ").replace(',', " , ");
        spaced.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
    });
    parts.filter(|part| !part.is_empty()).map(Statement).collect()
}

impl Statement {
    pub fn starts(&self, words: &str) -> bool {
        self.0.starts_with(words)
    }

    pub fn has(&self, words: &str) -> bool {
        self.0.contains(words)
    }

    pub fn has_word(&self, word: &str) -> bool {
        self.0.split(' ').any(|found| found == word)
    }

    /// `CREATE TABLE x` makes `X`.
    pub fn created_table(&self) -> Option<String> {
        let rest = self.0.strip_prefix("CREATE ")?;
        let rest = rest.strip_prefix("UNLOGGED ").unwrap_or(rest).strip_prefix("TABLE ")?;
        first_word(rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest))
    }

    /// `ALTER TABLE x` changes `X`.
    pub fn altered_table(&self) -> Option<String> {
        let mut rest = self.0.strip_prefix("ALTER TABLE ")?;
        for word in ["IF EXISTS ", "ONLY "] {
            rest = rest.strip_prefix(word).unwrap_or(rest);
        }
        first_word(rest)
    }

    /// `CREATE INDEX i ON x` reads all of `X`.
    pub fn indexed_table(&self) -> Option<String> {
        let index = self.starts("CREATE INDEX ") || self.starts("CREATE UNIQUE INDEX ");
        let (_, rest) = self.0.split_once(" ON ").filter(|_| index)?;
        first_word(rest.strip_prefix("ONLY ").unwrap_or(rest))
    }

    /// A check or a foreign key: PostgreSQL looks at every row unless it is told not to.
    pub fn adds_checked_constraint(&self) -> bool {
        let adds = self.has(" ADD CONSTRAINT ")
            || self.has(" ADD CHECK ")
            || self.has(" ADD FOREIGN KEY ");
        adds && !self.has(" USING INDEX ")
    }

    pub fn adds_required_column(&self) -> bool {
        let adds = self.has(" ADD COLUMN ");
        adds && self.has(" NOT NULL") && !self.has(" DEFAULT ") && !self.has(" GENERATED ")
    }
}

fn first_word(text: &str) -> Option<String> {
    text.split(' ').next().filter(|word| !word.is_empty()).map(str::to_owned)
}

fn without_comments(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    let mut in_string = false;
    while let Some(letter) = rest.chars().next() {
        if !in_string && rest.starts_with("--") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        }
        if !in_string && rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            out.push(' ');
            continue;
        }
        if letter == '\'' {
            in_string = !in_string;
        }
        out.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    out
}

/// Empties 'strings' and $tag$ bodies $tag$.
fn without_literals(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some(start) = rest.find(['\'', '$']) {
        out.push_str(&rest[..start]);
        let literal = &rest[start..];
        let delimiter = delimiter(literal);
        let Some(delimiter) = delimiter else {
            out.push_str(&literal[..1]);
            rest = &literal[1..];
            continue;
        };
        out.push_str("''");
        let body = &literal[delimiter.len()..];
        rest = body.find(delimiter).map_or("", |end| &body[end + delimiter.len()..]);
    }
    out.push_str(rest);
    out
}

/// `'`, `$$` or `$tag$`; a lone `$1` is none.
fn delimiter(literal: &str) -> Option<&str> {
    if literal.starts_with('\'') {
        return Some("'");
    }
    let end = literal[1..].find('$')? + 2;
    let tag = &literal[1..end - 1];
    let named = tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    let numbered = tag.starts_with(|c: char| c.is_ascii_digit());
    (named && !numbered).then_some(&literal[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        split(sql).into_iter().map(|statement| statement.0).collect()
    }

    #[test]
    fn statements_end_at_semicolons_outside_of_literals() {
        let sql = "SELECT 'a;b'; -- c;\nDO $x$ BEGIN; END $x$;\n/* ; */ select  1";
        assert_eq!(texts(sql), ["SELECT ''", "DO ''", "SELECT 1"]);
    }

    #[test]
    fn a_dash_inside_a_string_is_no_comment() {
        assert_eq!(texts("SELECT '--', 1"), ["SELECT '' , 1"]);
    }

    #[test]
    fn tables_are_recognised() {
        let one = |sql: &str| split(sql).remove(0);
        let table = Some("WRITE.X".to_owned());
        assert_eq!(one("CREATE TABLE IF NOT EXISTS write.x(id uuid)").created_table(), table);
        assert_eq!(one("ALTER TABLE ONLY write.x ADD b text").altered_table(), table);
        assert_eq!(one("CREATE INDEX i ON write.x(b)").indexed_table(), table);
        assert_eq!(one("GRANT SELECT ON write.x TO a").indexed_table(), None);
    }
}

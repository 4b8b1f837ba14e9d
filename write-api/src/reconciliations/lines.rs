//! The lines of a list as it streams by: a line of NDJSON or CSV, or an element of a JSON array. Never more of it in
//! memory than a chunk and the line that it ends in.

use serde::Deserialize;
use shared::reconciliation::Line;

/// No line is longer.
const LONGEST_LINE: usize = 4 * 1024;
/// No name of an order is longer.
const LONGEST_NAME: usize = 200;

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// One JSON array of objects.
    Json,
    /// A line with the names of the columns, then a line an order.
    Csv,
}

/// What is wrong with a list, and where: row 1 is the first order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {message}")]
pub struct BadLine {
    /// Which row.
    pub row: u64,
    /// Which of its fields, if it is known; with a slash before it.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// Takes chunks, gives lines.
#[derive(Debug)]
pub struct Lines {
    format: Format,
    /// What came of a line that is not complete.
    open: Vec<u8>,
    /// Of CSV: what its columns are, once that is known.
    columns: Option<Vec<Column>>,
    array: Array,
    rows: u64,
}

/// Where in a JSON array the stream is.
#[derive(Debug, Default)]
struct Array {
    place: Place,
    depth: u32,
    in_text: bool,
    escaped: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    /// After `[` or a comma, or after an element.
    Between,
    Element,
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Column {
    ExternalId,
    Status,
    Version,
    At,
}

impl Lines {
    /// Of a list in this format.
    pub fn of(format: Format) -> Self {
        Self { format, open: Vec::new(), columns: None, array: Array::default(), rows: 0 }
    }

    /// How many lines were given.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes the next chunk and gives what it completes.
    pub fn push(&mut self, chunk: &[u8], lines: &mut Vec<Line>) -> Result<(), BadLine> {
        if self.format == Format::Json {
            return self.push_array(chunk, lines);
        }
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(&rest[..end])?;
            self.complete(lines)?;
            rest = &rest[end + 1..];
        }
        self.extend(rest)
    }

    /// The list has ended: gives what the last chunk left open.
    pub fn finish(&mut self, lines: &mut Vec<Line>) -> Result<(), BadLine> {
        match self.format {
            Format::Json if self.array.place != Place::After => {
                Err(self.bad("", "the array has no end"))
            }
            Format::Json => Ok(()),
            Format::Ndjson | Format::Csv => self.complete(lines),
        }
    }

    fn push_array(&mut self, chunk: &[u8], lines: &mut Vec<Line>) -> Result<(), BadLine> {
        for byte in chunk {
            match (&self.array.place, byte) {
                (Place::Element, byte) => {
                    self.extend(std::slice::from_ref(byte))?;
                    if self.array.closes(*byte) {
                        self.array.place = Place::Between;
                        self.complete(lines)?;
                    }
                }
                (_, b' ' | b'\t' | b'\r' | b'\n') | (Place::Between, b',') => {}
                (Place::Before, b'[') => self.array.place = Place::Between,
                (Place::Between, b']') => self.array.place = Place::After,
                (Place::Between, b'{') => {
                    self.array = Array { place: Place::Element, depth: 1, ..Array::default() };
                    self.extend(b"{")?;
                }
                _ => return Err(self.bad("", "the list must be a JSON array of objects")),
            }
        }
        Ok(())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), BadLine> {
        if self.open.len() + bytes.len() > LONGEST_LINE {
            return Err(self.bad("", format!("longer than {LONGEST_LINE} bytes")));
        }
        self.open.extend_from_slice(bytes);
        Ok(())
    }

    fn complete(&mut self, lines: &mut Vec<Line>) -> Result<(), BadLine> {
        let text = std::mem::take(&mut self.open);
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let line = match self.format {
            Format::Csv => match self.columns.take() {
                None => {
                    self.columns = Some(self.header(text)?);
                    return Ok(());
                }
                Some(columns) => {
                    let line = self.read_csv(text, &columns);
                    self.columns = Some(columns);
                    line?
                }
            },
            Format::Ndjson | Format::Json => self.read_json(text)?,
        };
        lines.push(self.checked(line)?);
        self.rows += 1;
        Ok(())
    }

    fn read_json(&self, text: &[u8]) -> Result<Line, BadLine> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let line = Line::deserialize(&mut reader)
            .map_err(|error| self.bad("", without_place(&error.to_string())))?;
        reader.end().map_err(|_| self.bad("", "something stands behind the object"))?;
        Ok(line)
    }

    fn header(&self, text: &[u8]) -> Result<Vec<Column>, BadLine> {
        let unknown = || {
            let message = "the first line names the columns: external_id, status, and if you like version and at";
            self.bad("", message)
        };
        let names = fields(text).ok_or_else(unknown)?;
        let columns: Option<Vec<Column>> =
            names.into_iter().map(|name| serde_json::from_value(name.trim().into()).ok()).collect();
        let columns = columns.ok_or_else(unknown)?;
        let once = |wanted| columns.iter().filter(|column| **column == wanted).count();
        let is_complete = once(Column::ExternalId) == 1 && once(Column::Status) == 1;
        if !is_complete || once(Column::Version) > 1 || once(Column::At) > 1 {
            return Err(unknown());
        }
        Ok(columns)
    }

    fn read_csv(&self, text: &[u8], columns: &[Column]) -> Result<Line, BadLine> {
        let fields =
            fields(text).ok_or_else(|| self.bad("", "this is not a line of CSV in UTF-8"))?;
        if fields.len() != columns.len() {
            let message = format!("{} fields for {} columns", fields.len(), columns.len());
            return Err(self.bad("", message));
        }
        let field = |wanted| {
            let at = columns.iter().position(|column| *column == wanted)?;
            Some(fields[at].trim()).filter(|text| !text.is_empty())
        };
        let status = field(Column::Status).unwrap_or_default();
        let version = field(Column::Version).map(str::parse).transpose();
        let at = field(Column::At).map(str::parse).transpose();
        Ok(Line {
            external_id: field(Column::ExternalId).unwrap_or_default().to_owned(),
            status: status.parse().map_err(|_| self.bad("/status", "not a status"))?,
            version: version.map_err(|_| self.bad("/version", "not a number"))?,
            at: at.map_err(|_| self.bad("/at", "not a time as in RFC 3339"))?,
        })
    }

    fn checked(&self, line: Line) -> Result<Line, BadLine> {
        let name = &line.external_id;
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            let message = format!("1 to {LONGEST_NAME} characters without control characters");
            return Err(self.bad("/external_id", message));
        }
        if line.version.is_some_and(|version| i64::try_from(version).is_err()) {
            return Err(self.bad("/version", "too large"));
        }
        Ok(line)
    }

    fn bad(&self, field: &str, message: impl Into<String>) -> BadLine {
        BadLine { row: self.rows + 1, field: field.to_owned(), message: message.into() }
    }
}

impl Array {
    /// Whether this byte of an element is its last.
    const fn closes(&mut self, byte: u8) -> bool {
        if self.in_text {
            match (self.escaped, byte) {
                (true, _) => self.escaped = false,
                (false, b'\\') => self.escaped = true,
                (false, b'"') => self.in_text = false,
                (false, _) => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

fn without_place(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

/// The fields of a line of CSV, with quotes and doubled quotes in them.
fn fields(text: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(text).ok()?.trim_start_matches('\u{feff}');
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            character => field.push(character),
        }
    }
    fields.push(field);
    (!quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::order::Status;

    fn read(format: Format, text: &str, chunk: usize) -> Result<Vec<Line>, BadLine> {
        let (mut lines, mut read) = (Lines::of(format), Vec::new());
        for chunk in text.as_bytes().chunks(chunk) {
            lines.push(chunk, &mut read)?;
        }
        lines.finish(&mut read)?;
        assert_eq!(lines.rows(), read.len() as u64);
        Ok(read)
    }

    fn expected() -> Vec<Line> {
        let line = |external_id: &str, status| Line {
            external_id: external_id.to_owned(),
            status,
            version: None,
            at: None,
        };
        let second = Line {
            version: Some(7),
            at: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            ..line("S-\"2\", {ring}", Status::Shipped)
        };
        vec![line("S-1", Status::Submitted), second]
    }

    const NDJSON: &str = r#"{"external_id": "S-1", "status": "SUBMITTED"}

{"external_id": "S-\"2\", {ring}", "status": "SHIPPED", "version": 7, "at": "2026-01-02T03:04:05Z"}"#;

    #[test]
    fn the_three_formats_say_the_same_however_they_are_cut() {
        let array = format!(" [{}]\n", NDJSON.replace("\n\n", " ,\n"));
        let csv = "status,external_id,version,at\r\nSUBMITTED,S-1,,\r\n\
                   SHIPPED,\"S-\"\"2\"\", {ring}\",7,2026-01-02T03:04:05Z\r\n";
        for chunk in [1, 2, 7, 1000] {
            assert_eq!(read(Format::Ndjson, NDJSON, chunk), Ok(expected()), "{chunk}");
            assert_eq!(read(Format::Json, &array, chunk), Ok(expected()), "{chunk}");
            assert_eq!(read(Format::Csv, csv, chunk), Ok(expected()), "{chunk}");
        }
        assert_eq!(read(Format::Json, "[]", 1), Ok(Vec::new()));
        assert_eq!(read(Format::Ndjson, "", 1), Ok(Vec::new()));
    }

    #[test]
    fn a_mistake_is_named_by_row_and_field() {
        let bad = |format, text: &str| {
            let bad = read(format, text, 5).unwrap_err();
            (bad.row, bad.field)
        };
        let good = r#"{"external_id": "S-1", "status": "SUBMITTED"}"#;
        let named = |row, field: &str| (row, field.to_owned());
        assert_eq!(bad(Format::Ndjson, &format!("{good}\n{{}}")), named(2, ""));
        assert_eq!(bad(Format::Ndjson, &good.replace("S-1", "")), named(1, "/external_id"));
        assert_eq!(bad(Format::Json, &format!("[{good}")), named(2, ""));
        assert_eq!(bad(Format::Json, good), named(1, ""));
        assert_eq!(bad(Format::Csv, "external_id,status\nS-1,LOST"), named(1, "/status"));
        assert_eq!(bad(Format::Csv, "external_id,status\nS-1"), named(1, ""));
        assert_eq!(bad(Format::Csv, "external_id\nS-1"), named(1, ""));
        assert_eq!(bad(Format::Ndjson, &"x".repeat(5_000)), named(1, ""));
    }
}

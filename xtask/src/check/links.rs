//! Documents that point at nothing: relative links in Markdown files, and `cargo xtask` commands
//! that do not exist.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::CommandFactory;

use crate::{Cli, home};

/// Folders that hold nothing of ours.
const PASSED_OVER: [&str; 6] = [".git", ".mes", "target", "node_modules", "dist", ".sqlx"];

pub fn check() -> Result<()> {
    let mut files = Vec::new();
    collect(&home::checkout(), &mut files)?;
    let mut problems = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file)?;
        let name = file.strip_prefix(home::checkout()).unwrap_or(file).display().to_string();
        problems.extend(dead_links(file, &text).into_iter().map(|link| format!("{name}: {link}")));
        problems.extend(
            unknown_commands(&text)
                .into_iter()
                .map(|word| format!("{name}: there is no `cargo xtask {word}`")),
        );
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}", problems.join("\n"))
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if PASSED_OVER.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    Ok(())
}

/// Links to files that do not exist, or to headings that the file does not have.
fn dead_links(file: &Path, text: &str) -> Vec<String> {
    links(text).into_iter().filter(|link| !leads_somewhere(file, text, link)).collect()
}

fn leads_somewhere(file: &Path, text: &str, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() {
        return anchors(text).contains(&heading.to_owned());
    }
    let target = file.parent().unwrap_or(Path::new("")).join(path);
    if !target.exists() {
        return false;
    }
    let is_markdown = target.extension().is_some_and(|extension| extension == "md");
    if heading.is_empty() || !is_markdown {
        return true;
    }
    fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(&heading.to_owned()))
}

/// The targets of `[text](target)` outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let mut rest = line.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, tail)) = after.split_once(')') else { break };
            let target = target.split_whitespace().next().unwrap_or_default();
            found.push(target.trim_matches(['<', '>']).to_owned());
            rest = tail;
        }
    }
    found
}

/// Lines outside of fenced blocks, without `code`.
fn prose(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push(line.split('`').step_by(2).collect::<Vec<_>>().join(" "));
        }
    }
    lines
}

/// The anchors that a reader's program makes from headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Words after `cargo xtask` that are no subcommand.
fn unknown_commands(text: &str) -> Vec<String> {
    let command = Cli::command();
    let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let words = text.split("cargo xtask ").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
        (end > 0).then(|| rest[..end].to_owned())
    });
    words.filter(|word| word != "help" && !known.contains(&word.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_prose_and_not_in_code() {
        let text = "see [a](a.md) and [b](b.md#x)\n```\n[c](c.md)\n```\nand `[d](d.md)`";
        assert_eq!(links(text), ["a.md", "b.md#x"]);
    }

    #[test]
    fn a_link_must_lead_to_a_file_or_a_heading() {
        let root = std::env::temp_dir().join(format!("xtask-links-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("other.md"), "# The Other Side!\n").unwrap();
        let file = root.join("this.md");
        let text = "# Top\n[1](other.md) [2](other.md#the-other-side) [3](#top) \
                    [4](https://example.org) [5](gone.md) [6](other.md#gone) [7](#gone)";
        assert_eq!(dead_links(&file, text), ["gone.md", "other.md#gone", "#gone"]);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn commands_that_do_not_exist_are_named() {
        let text =
            "`cargo xtask up --empty`, `cargo xtask fly`, cargo xtask <step>, cargo xtask help";
        assert_eq!(unknown_commands(text), ["fly"]);
    }
}

//! Rules for the documents: links that lead somewhere, commands that exist, a changelog with room for the next change.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::tree::{Finding, SourceFile, assert_allowed, assert_found, planted, project, refuse, root};

fn documents(files: &[SourceFile]) -> impl Iterator<Item = &SourceFile> {
    files.iter().filter(|file| file.path.ends_with(".md"))
}

/// The number of the line that holds the byte at `offset`.
fn line_at(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// The anchors of a document: each heading in lower case, words joined by `-`, other signs left out.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new(text) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(part) | Event::Code(part), Some(words)) => words.push_str(&part),
            (Event::End(TagEnd::Heading(_)), Some(words)) => {
                let kept = words.to_lowercase().replace(' ', "-");
                anchors.insert(kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect());
                heading = None;
            }
            _ => {}
        }
    }
    anchors
}

/// Resolves `./` and `../` of a link against the folder of the document; `None` where it leaves the project.
fn resolve(document: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// What is wrong with a link, if anything. `known` tells whether a path from the root exists.
fn broken(document: &SourceFile, files: &[SourceFile], link: &str, known: fn(&str) -> bool) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let Some(target) = (if path.is_empty() { Some(document.path.clone()) } else { resolve(&document.path, path) })
    else {
        return Some(format!("{link} leaves the project"));
    };
    let file = files.iter().find(|file| file.path == target);
    if file.is_none() && !known(&target) {
        return Some(format!("{link} leads nowhere"));
    }
    let (file, anchor) = (file?, anchor?);
    (!anchors(&file.text).contains(anchor)).then(|| format!("{link} names no heading of {target}"))
}

fn broken_links(files: &[SourceFile]) -> Vec<Finding> {
    let mut found = Vec::new();
    for document in documents(files) {
        for (event, range) in Parser::new(&document.text).into_offset_iter() {
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event
                && let Some(what) = broken(document, files, &dest_url, |path| root().join(path).exists())
            {
                found.push(document.finding(line_at(&document.text, range.start), what));
            }
        }
    }
    found
}

/// `make` commands in a document's code, with their lines.
fn make_commands(document: &SourceFile) -> Vec<(usize, String)> {
    let mut commands = Vec::new();
    let mut in_code = false;
    for (event, range) in Parser::new(&document.text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Code(code) => push_commands(&code, line_at(&document.text, range.start), &mut commands),
            Event::Text(code) if in_code => {
                push_commands(&code, line_at(&document.text, range.start), &mut commands);
            }
            _ => {}
        }
    }
    commands
}

fn push_commands(code: &str, first_line: usize, commands: &mut Vec<(usize, String)>) {
    for (at, line) in code.lines().enumerate() {
        let mut words = line.split_whitespace().skip_while(|word| word.contains('='));
        if words.next() == Some("make")
            && let Some(target) = words.find(|word| !word.contains('='))
        {
            commands.push((first_line + at, target.to_owned()));
        }
    }
}

fn unknown_commands(files: &[SourceFile]) -> Vec<Finding> {
    let makefile = files.iter().find(|file| file.path == "Makefile").map_or("", |file| file.text.as_str());
    let mut found = Vec::new();
    for document in documents(files) {
        for (line, target) in make_commands(document) {
            if !makefile.lines().any(|rule| rule.starts_with(&format!("{target}:"))) {
                found.push(document.finding(line, format!("`make {target}` is not in the Makefile")));
            }
        }
    }
    found
}

/// Settings (`HAZARD_…`) and figures (`hazard_…`) that the server's sources name in quotes, and operators must find.
fn undocumented_names(files: &[SourceFile]) -> Vec<Finding> {
    let operating = files.iter().find(|file| file.path == "docs/operating.md").map_or("", |file| &file.text);
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("server/src/")) {
        for (at, line) in file.code() {
            let names = line.split('"').skip(1).step_by(2);
            let names = names.filter(|name| name.starts_with("HAZARD_") || name.starts_with("hazard_"));
            let unknown = names.filter(|name| !operating.contains(&format!("`{name}`")));
            found.extend(unknown.map(|name| file.finding(at, format!("{name} is not in docs/operating.md"))));
        }
    }
    found
}

/// Invariants that the simulator's page names and nothing in the simulator or in its suite is called.
fn unknown_invariants(files: &[SourceFile]) -> Vec<Finding> {
    let sources = ["tests/src/sim/", "tests/tests/simulation/"];
    let sources = files.iter().filter(|file| sources.iter().any(|folder| file.path.starts_with(folder)));
    let known: String = sources.map(|file| file.text.as_str()).collect();
    let is_known = |name: &str| [format!("\"{name}\""), format!("fn {name}(")].iter().any(|it| known.contains(it));
    let is_invariant =
        |name: &&str| name.matches('_').count() > 1 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let mut found = Vec::new();
    for page in files.iter().filter(|file| file.path == "docs/simulator.md") {
        for (at, line) in page.text.lines().enumerate() {
            let unknown = line.split('`').skip(1).step_by(2).filter(is_invariant).filter(|name| !is_known(name));
            found.extend(unknown.map(|name| page.finding(at + 1, format!("nothing is called `{name}`"))));
        }
    }
    found
}

fn text_of(path: &str) -> &'static str {
    let file = project().iter().find(|file| file.path == path);
    &file.unwrap_or_else(|| panic!("there is no {path}")).text
}

#[test]
fn every_relative_link_leads_somewhere() {
    refuse(&broken_links(project()), "Mend the link, or write what it should lead to.");
    assert_found(broken_links, "docs/a.md", "# A\n\nSee [b](nowhere.md).\n", 3);
    assert_found(broken_links, "docs/a.md", "# A\n\nSee [b](#c).\n", 3);
    assert_found(broken_links, "docs/a.md", "[b](../../../elsewhere.md)\n", 1);
    assert_allowed(broken_links, "docs/a.md", "# The `b`: one\n\n[b](#the-b-one), [c](https://example.org/c)\n");
}

#[test]
fn every_make_command_in_a_document_exists() {
    refuse(&unknown_commands(project()), "Mend the document or the Makefile: a command that fails loses the reader.");
    let makefile = planted("Makefile", "run:\n\t@x\n");
    let readme = planted("README.md", "Say `make run`, then:\n\n    SEED=2 make dance\n");
    let found = unknown_commands(&[makefile, readme]);
    assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [3]);
}

#[test]
fn operators_find_every_setting_and_every_figure() {
    refuse(&undocumented_names(project()), "Add it to the tables of docs/operating.md, with its unit and its default.");
    let source = planted("server/src/a.rs", "#[arg(env = \"HAZARD_DEPTH\")]\ngauge!(\"hazard_depth\")\n");
    let known = planted("docs/operating.md", "`HAZARD_DEPTH`\n");
    let found = undocumented_names(&[source, known]);
    assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
}

#[test]
fn every_invariant_of_the_simulators_page_is_one_of_the_simulators() {
    refuse(&unknown_invariants(project()), "Name the check as the simulator does: a reader looks for it by that name.");
    let page = planted("docs/simulator.md", "| feed | `it_is_all_there` |\n| join | `it_is_alike` |\n");
    let source = planted("tests/src/sim/a.rs", "ensure!(is_there, \"it_is_all_there\", \"\");\n");
    let found = unknown_invariants(&[page, source]);
    assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
}

#[test]
fn continuous_integration_runs_the_readmes_test_command() {
    let last = text_of(".ci/run").lines().rfind(|line| !line.is_empty());
    assert_eq!(last, Some("make test"), ".ci/run must end in the one command that people run, or the two drift apart");
    let readme = project().iter().find(|file| file.path == "README.md").unwrap();
    let commands: BTreeSet<_> = make_commands(readme).into_iter().map(|(_, target)| target).collect();
    assert!(commands.contains("run") && commands.contains("test"), "README.md must show `make run` and `make test`");
}

#[test]
fn the_changelog_has_room_for_the_next_change() {
    let headings: Vec<_> = text_of("CHANGELOG.md").lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(
        headings.first(),
        Some(&"## [Unreleased]"),
        "CHANGELOG.md begins with what is not yet released: a change adds its line there"
    );
}

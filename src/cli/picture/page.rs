//! The picture in a page to look around in: one file, which loads nothing and says so to the browser (a content security policy
//! without a source). What is known of targets lies in it as data that the script puts into text nodes, never into markup.

use crate::cli::about::{Book, Fact};
use crate::cli::picture::chart::{Chart, Node};
use crate::cli::picture::place::Placed;
use crate::cli::picture::svg::{self, escaped};
use serde::Serialize;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

#[derive(Serialize)]
struct Data<'a> {
    nodes: Vec<About<'a>>,
    /// From, to, why, and the files that make the edge.
    arrows: Vec<(usize, usize, &'static str, &'a [String])>,
}

#[derive(Serialize)]
struct About<'a> {
    name: &'a str,
    kind: &'static str,
    place: String,
    help: &'a [String],
    /// Heading and lines, each a text and a note.
    facts: Vec<(&'static str, Vec<(String, String)>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

/// The whole page.
pub fn document(chart: &Chart, placed: &Placed, book: &Book<'_>, title: &str) -> String {
    let mut picture = String::new();
    svg::draw(&mut picture, chart, placed);
    let legend = svg::legend(chart);
    let title = escaped(title);
    let mut out =
        String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let _ = write!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} · gomake</title>\n<style>{}{STYLE}</style>\n</head>\n<body class=\"gomake\">\n{}\
         <main>\n<svg id=\"picture\" xmlns=\"http://www.w3.org/2000/svg\" role=\"group\" aria-label=\"targets\" \
         width=\"100%\" height=\"100%\" data-width=\"{:.0}\" data-height=\"{:.0}\" viewBox=\"-24 -24 {:.0} {:.0}\">\n{picture}</svg>\n",
        svg::STYLE,
        head(&title),
        placed.size.width,
        placed.size.height,
        placed.size.width + 48.0,
        placed.size.height + 48.0,
    );
    let _ = write!(
        out,
        "<svg id=\"legend\" width=\"{:.0}\" height=\"20\" aria-hidden=\"true\"><g class=\"legend\" transform=\"translate(0 10)\">{}</g></svg>\n\
         </main>\n<aside id=\"about\" tabindex=\"-1\" aria-live=\"polite\"><p class=\"hint\">Click a target to read about it, or press <kbd>/</kbd> to look for one. \
         Arrow keys go on to what it needs (<kbd>→</kbd>) and to what needs it (<kbd>←</kbd>), <kbd>Esc</kbd> lets go; <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> zoom.</p></aside>\n\
         <script id=\"data\" type=\"application/json\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        legend.width,
        legend.text,
        data(chart, book)
    );
    out
}

fn head(title: &str) -> String {
    format!(
        "<header><h1>{title}</h1><input id=\"search\" type=\"search\" placeholder=\"Find a target\" aria-label=\"Find a target\" \
         autocomplete=\"off\" spellcheck=\"false\"><output id=\"found\" for=\"search\"></output>\
         <span class=\"zoom\"><button id=\"out\" title=\"smaller (−)\">−</button><button id=\"fit\" title=\"show all (0)\">fit</button>\
         <button id=\"in\" title=\"larger (+)\">+</button></span></header>\n"
    )
}

/// JSON that can stand in a script element: nothing in it looks like a tag or a comment.
fn data(chart: &Chart, book: &Book<'_>) -> String {
    let about = |node: &'_ Node| {
        let decl = book.decl(node.subject);
        let facts = book.facts(node.subject, &|_, _| None).into_iter();
        let lines = |fact: Fact| {
            let lines = fact.lines.into_iter().map(|line| (line.text, line.note));
            (fact.about, lines.collect())
        };
        (decl, facts.map(lines).collect::<Vec<_>>())
    };
    let nodes = chart.nodes.iter().map(|node| {
        let (decl, facts) = about(node);
        About {
            name: &node.name,
            kind: node.kind.word(),
            place: book.place(node.subject),
            help: &decl.help,
            facts,
            command: book.command(node.subject),
        }
    });
    let arrows = chart.arrows.iter();
    let data = Data {
        nodes: nodes.collect(),
        arrows: arrows
            .map(|arrow| (arrow.from, arrow.to, arrow.why.word(), &arrow.files[..]))
            .collect(),
    };
    let text = serde_json::to_string(&data).expect("all keys are strings");
    let text = text.replace('<', "\\u003c").replace('>', "\\u003e");
    text.replace('&', "\\u0026")
}

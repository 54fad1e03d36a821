//! The picture as SVG 1.1: shapes with classes, and one style sheet for light and dark. Needs nothing from outside of itself.
//! A kind has its shape and its colour, so that neither is needed to tell kinds apart.

use crate::cli::about::{date, duration};
use crate::cli::picture::chart::{Arrow, Chart, Node, Why};
use crate::cli::picture::place::{Placed, Point, Size};
use crate::plan::action::Kind;
use crate::report::text::{clipped, columns, printable};
use std::fmt::Write;

/// Of a character in the two sizes of the monospaced face: 0.602 em, as in most of them.
const NAME_CHAR: f64 = 13.0 * 0.602;
const NOTE_CHAR: f64 = 10.5 * 0.602;
/// Wider names are cut; the title says them whole.
const NAME_COLUMNS: usize = 34;
const PADDING: f64 = 15.0;
const HEIGHT: f64 = 46.0;
/// The mark at the right that says how the last run ended.
const MARK: f64 = 18.0;
const MARGIN: f64 = 28.0;
/// Between the picture and its legend, and the height of the legend.
const LEGEND: f64 = 34.0;

pub const STYLE: &str = include_str!("picture.css");

/// How much room a node takes.
pub fn size(node: &Node) -> Size {
    let name = columns(&title(node)) as f64 * NAME_CHAR;
    let note = columns(&note(node)) as f64 * NOTE_CHAR;
    Size {
        width: (name.max(note) + MARK + 2.0 * PADDING).ceil(),
        height: HEIGHT,
    }
}

/// A document of its own.
pub fn document(chart: &Chart, placed: &Placed) -> String {
    let legend = legend(chart);
    let width = placed.size.width.max(legend.width) + 2.0 * MARGIN;
    let below = if chart.nodes.is_empty() {
        0.0
    } else {
        placed.size.height + LEGEND
    };
    let height = below + 2.0 * MARGIN + 20.0;
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"gomake\" \
         width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
    );
    let _ = writeln!(out, "<g transform=\"translate({MARGIN} {MARGIN})\">");
    draw(&mut out, chart, placed);
    let _ = writeln!(
        out,
        "</g>\n<g class=\"legend\" transform=\"translate({MARGIN} {:.1})\">\n{}</g>\n</svg>",
        MARGIN + below + 14.0,
        legend.text
    );
    out
}

/// The arrows, then the nodes upon them.
pub fn draw(out: &mut String, chart: &Chart, placed: &Placed) {
    out.push_str("<g class=\"arrows\">\n");
    for (at, (arrow, route)) in chart.arrows.iter().zip(&placed.routes).enumerate() {
        draw_arrow(out, chart, at, arrow, route);
    }
    out.push_str("</g>\n<g class=\"nodes\">\n");
    for (at, (node, corner)) in chart.nodes.iter().zip(&placed.corners).enumerate() {
        draw_node(out, at, node, *corner);
    }
    out.push_str("</g>\n");
}

fn draw_arrow(out: &mut String, chart: &Chart, at: usize, arrow: &Arrow, route: &[Point]) {
    let turned = chart.nodes[arrow.from].order < chart.nodes[arrow.to].order;
    let (Some(first), Some(last)) = (route.first(), route.last()) else {
        return;
    };
    let (tip, back) = match turned {
        true => (*first, 7.0),
        false => (*last, -7.0),
    };
    let mut line = String::new();
    for (index, point) in route.iter().enumerate() {
        let (x, y) = (point.x, point.y);
        let _ = match index {
            0 => write!(line, "M{x:.1} {y:.1}"),
            index if index % 2 == 1 => write!(line, "L{x:.1} {y:.1}"),
            index => {
                let from = route[index - 1];
                let middle = (from.x + x) / 2.0;
                write!(
                    line,
                    "C{middle:.1} {:.1} {middle:.1} {y:.1} {x:.1} {y:.1}",
                    from.y
                )
            }
        };
    }
    let _ = writeln!(
        out,
        "<g class=\"arrow {why}\" data-arrow=\"{at}\"><title>{title}</title><path class=\"line\" d=\"{line}\"/>\
         <path class=\"head\" d=\"M{x:.1} {y:.1}l{back:.1} -3.6v7.2z\"/></g>",
        why = arrow.why.word(),
        title = escaped(&arrow_title(chart, arrow)),
        x = tip.x,
        y = tip.y,
    );
}

fn arrow_title(chart: &Chart, arrow: &Arrow) -> String {
    let (from, to) = (&chart.nodes[arrow.from].name, &chart.nodes[arrow.to].name);
    match (arrow.why, &arrow.files[..]) {
        (Why::After, _) => format!("{from} comes after {to}, if both run"),
        (_, []) => format!("{from} needs {to}"),
        (_, files) => format!("{from} needs {to}, which makes {}", files.join(", ")),
    }
}

fn draw_node(out: &mut String, at: usize, node: &Node, corner: Point) {
    let Size { width, height } = size(node);
    let (kind, mark) = (node.kind.word(), mark(node));
    let _ = writeln!(
        out,
        "<g class=\"node {kind} {mark}\" data-node=\"{at}\" transform=\"translate({:.1} {:.1})\"><title>{}</title>{}\
         <text class=\"name\" x=\"{PADDING}\" y=\"20\">{}</text>\
         <text class=\"note\" x=\"{PADDING}\" y=\"36\"><tspan class=\"kind\">{kind}</tspan>{}</text>{}</g>",
        corner.x,
        corner.y,
        escaped(&node_title(node)),
        shape(node.kind, width, height),
        escaped(&title(node)),
        escaped(&note(node)[kind.len()..]),
        match node.kind {
            // Of a clean nothing is recorded.
            Kind::Clean => String::new(),
            _ => mark_shape(mark, width - PADDING - 3.0, height / 2.0),
        },
    );
}

/// A build is a box, a test is round, an image lies upon another, a service is held at both ends, tasks are cut at two corners.
fn shape(kind: Kind, width: f64, height: f64) -> String {
    let rect = |radius: f64| {
        format!("<rect class=\"shape\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>")
    };
    match kind {
        Kind::Build => rect(5.0),
        Kind::Test => rect(height / 2.0),
        Kind::Image => format!(
            "<path class=\"behind\" d=\"M5 -4H{}a5 5 0 0 1 5 5V{}\"/>{}",
            width - 1.0,
            height - 5.0,
            rect(5.0)
        ),
        Kind::Service => format!(
            "{}<path class=\"behind\" d=\"M6 0V{height}M{x} 0V{height}\"/>",
            rect(5.0),
            x = width - 6.0
        ),
        Kind::Task | Kind::Clean => format!(
            "<path class=\"shape\" d=\"M10 0H{width}V{}L{} {height}H0V10z\"/>",
            height - 10.0,
            width - 10.0
        ),
    }
}

/// How the last run ended: a tick, a cross, or an empty ring.
fn mark(node: &Node) -> &'static str {
    if node.lasts.iter().any(|last| last.unfinished) {
        "unfinished"
    } else if node.lasts.iter().all(|last| last.success.is_some()) {
        "succeeded"
    } else {
        "unknown"
    }
}

fn mark_shape(mark: &str, x: f64, y: f64) -> String {
    let inner = match mark {
        "succeeded" => format!(
            "<path class=\"sign\" d=\"M{:.1} {y}l2.2 2.4 4 -4.6\"/>",
            x - 3.1
        ),
        "unfinished" => format!(
            "<path class=\"sign\" d=\"M{:.1} {:.1}l5 5m0 -5l-5 5\"/>",
            x - 2.5,
            y - 2.5
        ),
        _ => String::new(),
    };
    format!("<circle class=\"mark\" cx=\"{x}\" cy=\"{y}\" r=\"6.5\"/>{inner}")
}

/// The name as it is drawn.
fn title(node: &Node) -> String {
    let name = clipped(&printable(&node.name), NAME_COLUMNS);
    match node.targets.len() {
        1 => name,
        many => format!("{name} ×{many}"),
    }
}

/// What stands below the name: the kind, and the last success.
fn note(node: &Node) -> String {
    let kind = node.kind.word();
    if node.kind == Kind::Clean {
        return kind.to_owned();
    }
    let done: Vec<(u64, u64)> = node.lasts.iter().filter_map(|last| last.success).collect();
    match (node.lasts.len(), done.iter().max(), mark(node)) {
        (1, _, "unfinished") => format!("{kind} · did not finish"),
        (1, None, _) => format!("{kind} · not yet run"),
        (1, Some((at, took)), _) => {
            // To the minute: `2026-11-23 05:12`.
            let minute: String = date(*at).chars().take(16).collect();
            format!("{kind} · {} · {minute}", duration(*took))
        }
        (all, _, _) => format!("{kind} · {} of {all} succeeded", done.len()),
    }
}

fn node_title(node: &Node) -> String {
    let mut text = format!("{} {}", node.kind, node.name);
    if let [last] = node.lasts[..] {
        if let Some((at, took)) = last.success {
            let _ = write!(text, "\nsucceeded {}, took {}", date(at), duration(took));
        }
        if last.unfinished {
            text.push_str("\nwas started since, and did not succeed");
        }
    }
    text
}

/// The kinds and arrows that the picture has, in one row.
pub struct Legend {
    pub text: String,
    pub width: f64,
}

pub fn legend(chart: &Chart) -> Legend {
    let (mut text, mut x) = (String::new(), 0.0);
    let mut entry = |sign: &dyn Fn(f64) -> String, wide: f64, words: &str| {
        let _ = writeln!(
            text,
            "{}<text class=\"note\" x=\"{:.1}\" y=\"4\">{words}</text>",
            sign(x),
            x + wide + 7.0
        );
        x += wide + 7.0 + columns(words) as f64 * NOTE_CHAR + 22.0;
    };
    for kind in Kind::ALL {
        if chart.nodes.iter().any(|node| node.kind == kind) {
            let swatch = |x: f64| {
                format!(
                    "<g class=\"node {}\" transform=\"translate({x:.1} -6)\"><rect class=\"shape\" width=\"18\" height=\"12\" rx=\"3\"/></g>",
                    kind.word()
                )
            };
            entry(&swatch, 18.0, kind.word());
        }
    }
    for why in Why::ALL {
        if chart.arrows.iter().any(|arrow| arrow.why == why) {
            let line = |x: f64| {
                format!(
                    "<g class=\"arrow {}\" transform=\"translate({x:.1} 0)\"><path class=\"line\" d=\"M0 0H26\"/><path class=\"head\" d=\"M32 0l-7 -3.6v7.2z\"/></g>",
                    why.word()
                )
            };
            entry(&line, 32.0, why.meaning());
        }
    }
    let nothing = |_: f64| String::new();
    match chart.nodes.is_empty() {
        true => entry(&nothing, 0.0, "there is no target to draw"),
        false => entry(&nothing, 0.0, "times are UTC"),
    }
    Legend { text, width: x }
}

/// Text between tags or in an attribute. What XML cannot hold at all (most control characters) is shown as an escape.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "{}", c.escape_default());
            }
            c => out.push(c),
        }
    }
    out
}

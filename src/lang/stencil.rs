//! What the grammar said of a statement, kept for the next one of the same outline. A generated Gofile says the same
//! thing 100,000 times with other names: the grammar reads it once, and the others are laid over what it found.
//! docs/design/parsing.md says why that is the same, and what it saves.

use crate::base::hash::HashMap;
use crate::lang::node::{Nodes, Row};
use crate::lang::outline::{Outline, Part, What};
use crate::lang::tree::Rule;

/// More outlines than this are hardly generated: those after it are given to the grammar each.
const MOST: usize = 1000;

/// The statements read so far, by outline.
#[derive(Default)]
pub struct Stencils {
    known: HashMap<Vec<u8>, Stencil>,
    /// What has been laid over the last text, and how far each place moves by the parts before it.
    nodes: Nodes,
    moved: Vec<i64>,
}

struct Stencil {
    parts: Vec<Part>,
    rows: Vec<(Row, Place, Place)>,
    comments: Vec<(Place, Place)>,
}

/// An offset, and the number of parts that end at it or before.
#[derive(Clone, Copy)]
struct Place {
    offset: u32,
    parts: u32,
}

impl Stencils {
    /// The nodes of an outlined text, if one of the same outline has been read.
    pub fn lay(&mut self, outline: &Outline) -> Option<&Nodes> {
        let stencil = self.known.get(&outline.bytes)?;
        let mut moved = 0;
        self.moved.clear();
        self.moved.push(0);
        for (new, old) in outline.parts.iter().zip(&stencil.parts) {
            moved += i64::from(new.end - new.start) - i64::from(old.end - old.start);
            self.moved.push(moved);
        }
        let moved =
            |place: &Place| (i64::from(place.offset) + self.moved[place.parts as usize]) as u32;
        self.nodes.rows.clear();
        let rows = stencil.rows.iter().map(|(row, start, end)| Row {
            start: moved(start),
            end: moved(end),
            ..*row
        });
        self.nodes.rows.extend(rows);
        self.nodes.comments.clear();
        let comments = stencil.comments.iter();
        let comments = comments.map(|(start, end)| (moved(start), moved(end)));
        self.nodes.comments.extend(comments);
        Some(&self.nodes)
    }

    /// Keeps what the grammar found in an outlined text, unless it saw a part otherwise than the outline does.
    pub fn keep(&mut self, outline: &Outline, nodes: &Nodes) {
        if self.known.len() < MOST
            && let Some(stencil) = Stencil::of(&outline.parts, nodes)
        {
            self.known.insert(outline.bytes.clone(), stencil);
        }
    }
}

impl Stencil {
    fn of(parts: &[Part], nodes: &Nodes) -> Option<Self> {
        let place = |offset: u32| {
            let behind = parts.partition_point(|part| part.end <= offset);
            let is_within = parts.get(behind).is_some_and(|part| part.start < offset);
            (!is_within).then_some(Place {
                offset,
                parts: behind as u32,
            })
        };
        let rows = nodes.rows.iter();
        let comments = nodes.comments.iter();
        let stencil = Self {
            rows: rows
                .map(|row| Some((*row, place(row.start)?, place(row.end)?)))
                .collect::<Option<_>>()?,
            comments: comments
                .map(|&(start, end)| Some((place(start)?, place(end)?)))
                .collect::<Option<_>>()?,
            parts: parts.to_vec(),
        };
        let is_seen = |part: &Part| match part.what {
            What::Word | What::Dashed => true,
            What::Comment => nodes
                .comments
                .binary_search(&(part.start - 1, part.end))
                .is_ok(),
            What::Text => holds(nodes, part, Rule::text, 0),
            What::Raw => holds(nodes, part, Rule::raw_string, 1),
            What::Script => holds(nodes, part, Rule::script_text, 0) || is_in_block(nodes, part),
        };
        parts.iter().all(is_seen).then_some(stencil)
    }
}

/// Whether a row of this rule is the part with so many bytes on both sides. Rows are sorted by their starts.
fn holds(nodes: &Nodes, part: &Part, rule: Rule, around: u32) -> bool {
    let start = part.start - around;
    let from = nodes.rows.partition_point(|row| row.start < start);
    let there = nodes.rows[from..].iter();
    there
        .take_while(|row| row.start == start)
        .any(|row| row.rule == rule && row.end == part.end + around)
}

fn is_in_block(nodes: &Nodes, part: &Part) -> bool {
    nodes
        .rows
        .iter()
        .any(|row| row.rule == Rule::script_block && row.start < part.start && row.end >= part.end)
}

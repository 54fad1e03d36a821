//! `--graph svg` and `--graph html`: the graph as a picture, with what became of each target in its last run here. An arrow leads
//! from a target to what it needs, as in the other formats.
//!
//! ```text
//! graph, state -> chart (nodes, arrows) -> layers (columns, order) -> place (points) -> svg -> page
//! ```

mod chart;
mod layers;
mod page;
mod place;
mod svg;

use crate::cli::about::Book;
use crate::cli::fault::Fault;
use crate::cli::picture::chart::{Chart, MOST_ARROWS, MOST_NODES};
use crate::cli::picture::place::{Drawing, Placed, place};
use crate::plan::graph::{Graph, TargetId};

/// What cannot be drawn.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PictureError {
    #[error(
        "{nodes} targets with {arrows} arrows are too many for a picture, even with the instances of each `for` as one"
    )]
    #[diagnostic(
        code(gomake::picture::too_large),
        help(
            "name targets, and only what they need is drawn; `--graph=dot` and `--graph=json` have no limit (a picture's are {MOST_NODES} and {MOST_ARROWS})"
        )
    )]
    TooLarge { nodes: usize, arrows: usize },
}

/// A picture of its own.
///
/// # Errors
/// When there is too much to draw.
pub fn svg(graph: &Graph, wanted: &[TargetId], book: &Book<'_>) -> Result<String, Fault> {
    let (chart, placed) = drawn(graph, wanted, book)?;
    Ok(svg::document(&chart, &placed))
}

/// A page around the picture, to look around in.
///
/// # Errors
/// When there is too much to draw.
pub fn html(
    graph: &Graph,
    wanted: &[TargetId],
    book: &Book<'_>,
    title: &str,
) -> Result<String, Fault> {
    let (chart, placed) = drawn(graph, wanted, book)?;
    Ok(page::document(&chart, &placed, book, title))
}

fn drawn(graph: &Graph, wanted: &[TargetId], book: &Book<'_>) -> Result<(Chart, Placed), Fault> {
    let chart = Chart::of(graph, wanted, book);
    let (nodes, arrows) = (chart.nodes.len(), chart.arrows.len());
    if nodes > MOST_NODES || arrows > MOST_ARROWS {
        return Err(Fault::one(PictureError::TooLarge { nodes, arrows }));
    }
    let order: Vec<usize> = chart.nodes.iter().map(|node| node.order).collect();
    // Instances drawn as one may need one another both ways: such arrows are laid out as the order has them, and turned around
    // when they are drawn.
    let leads_right = |from: usize, to: usize| (order[from], from) > (order[to], to);
    let arrows = chart
        .arrows
        .iter()
        .map(|arrow| match leads_right(arrow.from, arrow.to) {
            true => (arrow.from, arrow.to),
            false => (arrow.to, arrow.from),
        });
    let drawing = Drawing {
        sizes: chart.nodes.iter().map(svg::size).collect(),
        arrows: arrows.collect(),
        order: unique(&order),
    };
    let placed = place(&drawing);
    Ok((chart, placed))
}

/// The same order without equals.
fn unique(order: &[usize]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..order.len()).collect();
    sorted.sort_unstable_by_key(|&at| (order[at], at));
    let mut rank = vec![0; order.len()];
    for (number, at) in sorted.into_iter().enumerate() {
        rank[at] = number;
    }
    rank
}

//! From columns to points: the second half of a layered drawing. Each slot is put as near to its neighbours as those above and below
//! it allow; components are set in rows like words. Lengths are in SVG's user units, pixels at full size.

use crate::cli::picture::layers::{Layers, components, layers};

/// Between boxes of a column, between a box and a bend, and the height of a bend.
const BETWEEN: f64 = 16.0;
const BESIDE_BEND: f64 = 9.0;
const BEND: f64 = 4.0;
/// Between columns; more where many arrows pass.
const GAP: f64 = 64.0;
const MOST_GAP: f64 = 190.0;
/// Between components.
const APART: f64 = 44.0;
/// How much wider than high a picture of many components becomes.
const ASPECT: f64 = 1.7;
/// How often slots are drawn towards their neighbours.
const PULLS: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Size {
    pub width: f64,
    pub height: f64,
}

/// Of the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// What is to be drawn: boxes, and arrows between them that form no circle.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    pub sizes: Vec<Size>,
    pub arrows: Vec<(usize, usize)>,
    /// Numbers boxes so that arrows lead from higher to lower.
    pub order: Vec<usize>,
}

#[derive(Debug, Clone, Default)]
pub struct Placed {
    pub corners: Vec<Point>,
    /// For each arrow the points of its line: straight from an even one to the next, curved from an odd one. The first and the last
    /// stand for the ends.
    pub routes: Vec<Vec<Point>>,
    pub size: Size,
}

/// Gives every box its place.
pub fn place(drawing: &Drawing) -> Placed {
    let mut placed = Placed {
        corners: vec![Point::default(); drawing.sizes.len()],
        routes: vec![Vec::new(); drawing.arrows.len()],
        size: Size::default(),
    };
    let all = components(drawing.sizes.len(), &drawing.arrows);
    let (alone, joined): (Vec<_>, Vec<_>) = all.into_iter().partition(|part| part.len() == 1);
    let inside = arrows_of(&joined, drawing);
    let parts = joined.iter().zip(&inside);
    let mut blocks: Vec<Block> = parts
        .map(|(part, inside)| layers(part, inside, &drawing.arrows, &drawing.order))
        .map(|layers| Block::of(drawing, layers))
        .collect();
    // The largest first: what is small fills the rows after it.
    blocks.sort_by(|a, b| b.size.height.total_cmp(&a.size.height));
    let area: f64 = blocks
        .iter()
        .map(|block| (block.size.width + APART) * (block.size.height + APART))
        .sum();
    let widest = blocks
        .iter()
        .map(|block| block.size.width)
        .fold(0.0, f64::max);
    let room = widest.max((area * ASPECT).sqrt());
    let (mut x, mut y, mut row) = (0.0, 0.0, 0.0f64);
    for block in blocks {
        if x > 0.0 && x + block.size.width > room {
            (x, y, row) = (0.0, y + row + APART, 0.0);
        }
        block.put(&mut placed, Point { x, y });
        placed.size.width = placed.size.width.max(x + block.size.width);
        row = row.max(block.size.height);
        x += block.size.width + APART;
        placed.size.height = y + row;
    }
    grid(drawing, &alone.concat(), &mut placed);
    placed
}

/// The arrows of each component, by their indices.
fn arrows_of(parts: &[Vec<usize>], drawing: &Drawing) -> Vec<Vec<usize>> {
    let mut part_of = vec![0; drawing.sizes.len()];
    for (at, part) in parts.iter().enumerate() {
        part.iter().for_each(|&of| part_of[of] = at);
    }
    let mut inside = vec![Vec::new(); parts.len()];
    for (arrow, (from, _)) in drawing.arrows.iter().enumerate() {
        inside[part_of[*from]].push(arrow);
    }
    inside
}

/// Boxes that no arrow joins, in rows below the others.
fn grid(drawing: &Drawing, alone: &[usize], placed: &mut Placed) {
    if alone.is_empty() {
        return;
    }
    let widest = alone
        .iter()
        .map(|&at| drawing.sizes[at].width)
        .fold(0.0, f64::max);
    let highest = alone
        .iter()
        .map(|&at| drawing.sizes[at].height)
        .fold(0.0, f64::max);
    let (cell, line) = (widest + 2.0 * BETWEEN, highest + BETWEEN);
    let square = (alone.len() as f64 * cell * line * ASPECT).sqrt();
    let columns = (placed.size.width.max(square) / cell).round().max(1.0) as usize;
    let columns = columns.min(alone.len());
    let top = match placed.size.height {
        0.0 => 0.0,
        height => height + APART,
    };
    for (at, &of) in alone.iter().enumerate() {
        let (row, column) = (at / columns, at % columns);
        placed.corners[of] = Point {
            x: column as f64 * cell,
            y: top + row as f64 * line,
        };
    }
    let rows = alone.len().div_ceil(columns);
    placed.size.width = placed.size.width.max(columns as f64 * cell - 2.0 * BETWEEN);
    placed.size.height = top + rows as f64 * line - BETWEEN;
}

/// A component with its places, from its own corner.
struct Block {
    layers: Layers,
    /// Of each slot: its middle's height.
    middle: Vec<f64>,
    /// Of each slot: its box's width and height.
    sizes: Vec<Size>,
    /// Of each column: where it begins, and its width.
    columns: Vec<(f64, f64)>,
    size: Size,
}

impl Block {
    fn of(drawing: &Drawing, layers: Layers) -> Self {
        let size_of = |of: Option<usize>| {
            of.map_or(
                Size {
                    width: 0.0,
                    height: BEND,
                },
                |of| drawing.sizes[of],
            )
        };
        let sizes: Vec<Size> = layers.slots.iter().map(|slot| size_of(slot.of)).collect();
        let mut x = 0.0;
        let mut columns = Vec::new();
        for slots in &layers.columns {
            let width = slots
                .iter()
                .map(|&slot| sizes[slot].width)
                .fold(0.0, f64::max);
            let passing: usize = slots
                .iter()
                .map(|&slot| layers.slots[slot].right.len())
                .sum();
            columns.push((x, width));
            x += width + (GAP + passing as f64 * 1.5).min(MOST_GAP);
        }
        let width = columns.last().map_or(0.0, |(x, width)| x + width);
        let mut block = Self {
            middle: vec![0.0; layers.slots.len()],
            layers,
            sizes,
            columns,
            size: Size { width, height: 0.0 },
        };
        block.pull();
        block.size.height = block.reach_top();
        block
    }

    /// Moves slots towards their neighbours, a column after the other, from both sides.
    fn pull(&mut self) {
        for column in 0..self.layers.columns.len() {
            let own: Vec<f64> = vec![0.0; self.layers.columns[column].len()];
            self.settle(column, &own, &vec![1.0; own.len()]);
        }
        for pull in 0..PULLS {
            let mut columns: Vec<usize> = (0..self.layers.columns.len()).collect();
            let (mut from_left, mut from_right) = (true, false);
            match pull {
                // At last both sides count, so that a box stands between what it joins.
                pull if pull + 2 >= PULLS => from_right = true,
                pull if pull % 2 == 1 => (from_left, from_right) = (false, true),
                _ => {}
            }
            if !from_left || pull % 2 == 1 {
                columns.reverse();
            }
            for column in columns {
                let (wanted, weights) = self.wanted(column, from_left, from_right);
                self.settle(column, &wanted, &weights);
            }
        }
    }

    /// The mean of each slot's neighbours, and how much it counts: a long arrow should rather be straight.
    fn wanted(&self, column: usize, from_left: bool, from_right: bool) -> (Vec<f64>, Vec<f64>) {
        let of = |&slot: &usize| {
            let known = &self.layers.slots[slot];
            let left = known.left.iter().filter(|_| from_left);
            let right = known.right.iter().filter(|_| from_right);
            let (mut sum, mut weight) = (0.0, 0.0);
            for &other in left.chain(right) {
                let is_bend = known.of.is_none() && self.layers.slots[other].of.is_none();
                let counts = if is_bend { 6.0 } else { 1.0 };
                sum += counts * self.middle[other];
                weight += counts;
            }
            if weight == 0.0 {
                (self.middle[slot], 0.2)
            } else {
                (sum / weight, weight)
            }
        };
        self.layers.columns[column].iter().map(of).unzip()
    }

    /// Puts the slots of a column as near as possible to where they are wanted, in their order and without overlaps: least squares
    /// under "each at least so far below the one above", which is isotonic regression, by pooling adjacent violators.
    fn settle(&mut self, column: usize, wanted: &[f64], weights: &[f64]) {
        let slots = &self.layers.columns[column];
        let mut offset = vec![0.0; slots.len()];
        for at in 1..slots.len() {
            let (above, below) = (slots[at - 1], slots[at]);
            let bend =
                self.layers.slots[above].of.is_none() || self.layers.slots[below].of.is_none();
            let between = if bend { BESIDE_BEND } else { BETWEEN };
            let halves = (self.sizes[above].height + self.sizes[below].height) / 2.0;
            offset[at] = offset[at - 1] + halves + between;
        }
        // Pools of slots that touch: weighted sum, weight, how many.
        let mut pools: Vec<(f64, f64, usize)> = Vec::new();
        for at in 0..slots.len() {
            let mut pool = (weights[at] * (wanted[at] - offset[at]), weights[at], 1);
            while let Some(&(sum, weight, number)) = pools.last()
                && sum / weight > pool.0 / pool.1
            {
                pool = (sum + pool.0, weight + pool.1, number + pool.2);
                pools.pop();
            }
            pools.push(pool);
        }
        let mut at = 0;
        for (sum, weight, number) in pools {
            for _ in 0..number {
                self.middle[slots[at]] = sum / weight + offset[at];
                at += 1;
            }
        }
    }

    /// Lets the uppermost slot begin at 0; returns the height of all.
    fn reach_top(&mut self) -> f64 {
        let edges = |sign: f64| {
            let all = self.middle.iter().zip(&self.sizes);
            all.map(move |(middle, size)| middle + sign * size.height / 2.0)
        };
        let top = edges(-1.0).fold(f64::INFINITY, f64::min);
        let bottom = edges(1.0).fold(f64::NEG_INFINITY, f64::max);
        self.middle.iter_mut().for_each(|middle| *middle -= top);
        bottom - top
    }

    fn put(&self, placed: &mut Placed, corner: Point) {
        let mut begins = vec![(0.0, 0.0); self.layers.slots.len()];
        for (column, slots) in self.layers.columns.iter().enumerate() {
            slots
                .iter()
                .for_each(|&slot| begins[slot] = self.columns[column]);
        }
        for (slot, known) in self.layers.slots.iter().enumerate() {
            if let Some(of) = known.of {
                placed.corners[of] = Point {
                    x: corner.x + begins[slot].0,
                    y: corner.y + self.middle[slot] - self.sizes[slot].height / 2.0,
                };
            }
        }
        for (arrow, route) in &self.layers.routes {
            let last = route.len() - 1;
            let mut points = Vec::new();
            for (at, &slot) in route.iter().enumerate() {
                let (x, width) = begins[slot];
                let y = corner.y + self.middle[slot];
                let own = self.sizes[slot].width;
                // A box ends where it ends; a bend is as wide as its column.
                let (from, to) = match at {
                    0 => (x + own, x + width),
                    at if at == last => (x, x),
                    _ => (x, x + width),
                };
                points.extend([from, to].map(|x| Point { x: corner.x + x, y }));
            }
            placed.routes[*arrow] = points;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawing(boxes: usize, arrows: &[(usize, usize)]) -> Drawing {
        let size = |at: usize| Size {
            width: 80.0 + (at * 37 % 90) as f64,
            height: 44.0,
        };
        Drawing {
            sizes: (0..boxes).map(size).collect(),
            arrows: arrows.to_vec(),
            order: (0..boxes).rev().collect(),
        }
    }
    fn overlap(placed: &Placed, drawing: &Drawing) -> Option<(usize, usize)> {
        let apart = |a: usize, b: usize| {
            let (p, q) = (placed.corners[a], placed.corners[b]);
            let (s, t) = (drawing.sizes[a], drawing.sizes[b]);
            p.x + s.width <= q.x
                || q.x + t.width <= p.x
                || p.y + s.height <= q.y
                || q.y + t.height <= p.y
        };
        let boxes = drawing.sizes.len();
        (0..boxes)
            .flat_map(|a| (a + 1..boxes).map(move |b| (a, b)))
            .find(|&(a, b)| !apart(a, b))
    }

    #[test]
    fn a_chain_is_a_straight_line() {
        let drawing = drawing(3, &[(0, 1), (1, 2)]);
        let placed = place(&drawing);
        assert!(placed.corners.iter().all(|corner| corner.y == 0.0));
        assert!(placed.corners[0].x < placed.corners[1].x);
        assert_eq!(placed.size.height, 44.0);
    }

    #[test]
    fn nothing_is_drawn_as_nothing() {
        assert_eq!(place(&Drawing::default()).size, Size::default());
    }

    #[test]
    fn boxes_without_arrows_fill_rows() {
        let drawing = drawing(30, &[]);
        let placed = place(&drawing);
        assert_eq!(overlap(&placed, &drawing), None);
        let ratio = placed.size.width / placed.size.height;
        assert!((0.8..3.5).contains(&ratio), "{:?}", placed.size);
    }

    proptest! {
        #[test]
        fn no_boxes_overlap_and_all_lie_inside(
            boxes in 1usize..40,
            arrows in prop::collection::vec((0usize..40, 0usize..40), 0..80),
        ) {
            let arrows: Vec<_> = arrows
                .into_iter()
                .filter(|(from, to)| from < to && *to < boxes)
                .collect();
            let drawing = drawing(boxes, &arrows);
            let placed = place(&drawing);
            prop_assert_eq!(overlap(&placed, &drawing), None);
            for (corner, size) in placed.corners.iter().zip(&drawing.sizes) {
                prop_assert!(corner.x >= 0.0 && corner.y >= -1e-6);
                prop_assert!(corner.x + size.width <= placed.size.width + 1e-6);
                prop_assert!(corner.y + size.height <= placed.size.height + 1e-6);
            }
            for (route, (from, to)) in placed.routes.iter().zip(&arrows) {
                prop_assert!(route.len() >= 4 && route.len() % 2 == 0);
                let (first, last) = (route[0], route[route.len() - 1]);
                let from = placed.corners[*from].x + drawing.sizes[*from].width;
                prop_assert!((first.x - from).abs() < 1e-6);
                prop_assert!((last.x - placed.corners[*to].x).abs() < 1e-6);
            }
        }
    }
}

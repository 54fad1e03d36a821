//! From boxes and arrows to who stands in which column, and in which order: the first half of a layered drawing (Sugiyama, Tagawa
//! and Toda 1981). Knows no targets and no lengths.
//!
//! An arrow that crosses more than one gap passes a bend in every column between, so that only neighbours are ever joined.

use std::collections::VecDeque;

/// More bends than this are not worth their time: the arrows beyond are drawn straight.
const MOST_BENDS: usize = 40_000;
/// How often the order of all columns is improved.
const SWEEPS: usize = 16;
/// With more slots than this, fewer sweeps must do.
const MANY_SLOTS: usize = 4_000;

/// A place in a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slot {
    /// The box that stands here; None for a bend.
    pub of: Option<usize>,
    /// Slots of the columns left and right that an arrow joins with this one.
    pub left: Vec<usize>,
    pub right: Vec<usize>,
}

/// Boxes that arrows join, in columns.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    pub slots: Vec<Slot>,
    /// Each column from top to bottom, as indices of `slots`.
    pub columns: Vec<Vec<usize>>,
    /// For each arrow of the component, by its index: its slots from left to right.
    pub routes: Vec<(usize, Vec<usize>)>,
}

/// The components: boxes that arrows join, in the order of their first boxes; boxes within in their order.
pub fn components(boxes: usize, arrows: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut beside = vec![Vec::new(); boxes];
    for &(from, to) in arrows {
        beside[from].push(to);
        beside[to].push(from);
    }
    let mut seen = vec![false; boxes];
    let mut found = Vec::new();
    for first in 0..boxes {
        if seen[first] {
            continue;
        }
        seen[first] = true;
        let mut component = Vec::new();
        let mut open = VecDeque::from([first]);
        while let Some(at) = open.pop_front() {
            component.push(at);
            for &next in &beside[at] {
                if !seen[next] {
                    seen[next] = true;
                    open.push_back(next);
                }
            }
        }
        component.sort_unstable();
        found.push(component);
    }
    found
}

/// Puts the boxes of a component into columns: each one right of everything with an arrow to it. `inside` are the component's arrows,
/// by their indices; they lead from left to right and form no circle. `order` numbers boxes so that arrows lead from higher to lower.
pub fn layers(
    component: &[usize],
    inside: &[usize],
    arrows: &[(usize, usize)],
    order: &[usize],
) -> Layers {
    let column = columns_of(component, inside, arrows, order);
    let mut layers = Layers::default();
    let deepest = component.iter().map(|&at| column[at]).max().unwrap_or(0);
    layers.columns = vec![Vec::new(); deepest + 1];
    let mut slot_of = vec![usize::MAX; order.len()];
    for &at in component {
        slot_of[at] = layers.add(column[at], Some(at));
    }
    let mut bends = 0;
    for &arrow in inside {
        let (from, to) = arrows[arrow];
        let mut route = vec![slot_of[from]];
        let between = column[from] + 1..column[to];
        bends += between.len();
        if bends <= MOST_BENDS {
            route.extend(between.map(|column| layers.add(column, None)));
            route.push(slot_of[to]);
            for pair in route.windows(2) {
                layers.slots[pair[0]].right.push(pair[1]);
                layers.slots[pair[1]].left.push(pair[0]);
            }
        } else {
            route.push(slot_of[to]);
        }
        layers.routes.push((arrow, route));
    }
    layers.untangle();
    layers
}

/// The column of each box: right after the last one with an arrow to it; a box that nothing leads to stands right before the first
/// that it leads to.
fn columns_of(
    component: &[usize],
    inside: &[usize],
    arrows: &[(usize, usize)],
    order: &[usize],
) -> Vec<usize> {
    let mut leaving = vec![Vec::new(); order.len()];
    let mut entered = vec![false; order.len()];
    for &arrow in inside {
        let (from, to) = arrows[arrow];
        leaving[from].push(to);
        entered[to] = true;
    }
    let mut from_left = component.to_vec();
    from_left.sort_unstable_by_key(|&at| std::cmp::Reverse(order[at]));
    let mut column = vec![0; order.len()];
    for &at in &from_left {
        for &to in &leaving[at] {
            column[to] = column[to].max(column[at] + 1);
        }
    }
    for &at in component {
        let first = leaving[at].iter().map(|&to| column[to]).min();
        if let (false, Some(first)) = (entered[at], first) {
            column[at] = first - 1;
        }
    }
    column
}

impl Layers {
    fn add(&mut self, column: usize, of: Option<usize>) -> usize {
        let slot = self.slots.len();
        self.slots.push(Slot {
            of,
            ..Slot::default()
        });
        self.columns[column].push(slot);
        slot
    }

    /// Orders the columns so that few arrows cross: each slot goes to the mean of its neighbours, from left to right and back,
    /// and the best order that was seen stays.
    fn untangle(&mut self) {
        self.follow_arrows();
        let sweeps = if self.slots.len() > MANY_SLOTS {
            SWEEPS / 4
        } else {
            SWEEPS
        };
        let mut best = (self.crossings(), self.columns.clone());
        for sweep in 0..sweeps {
            if best.0 == 0 {
                break;
            }
            let mut columns: Vec<usize> = (0..self.columns.len()).collect();
            if sweep % 2 == 1 {
                columns.reverse();
            }
            for column in columns {
                self.sort_column(column, sweep % 2 == 0);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    /// A first order in which what belongs together stands together: as a walk along the arrows meets the slots.
    fn follow_arrows(&mut self) {
        let mut met = vec![false; self.slots.len()];
        let mut columns = vec![Vec::new(); self.columns.len()];
        let mut column_of = vec![0; self.slots.len()];
        for (column, slots) in self.columns.iter().enumerate() {
            slots.iter().for_each(|&slot| column_of[slot] = column);
        }
        let starts: Vec<usize> = self.columns.concat();
        for start in starts {
            let mut open = vec![start];
            while let Some(slot) = open.pop() {
                if met[slot] {
                    continue;
                }
                met[slot] = true;
                columns[column_of[slot]].push(slot);
                open.extend(
                    self.slots[slot]
                        .right
                        .iter()
                        .rev()
                        .filter(|&&next| !met[next]),
                );
            }
        }
        self.columns = columns;
    }

    fn positions(&self) -> Vec<usize> {
        let mut position = vec![0; self.slots.len()];
        for column in &self.columns {
            for (at, &slot) in column.iter().enumerate() {
                position[slot] = at;
            }
        }
        position
    }

    fn sort_column(&mut self, column: usize, by_left: bool) {
        let mut slots = std::mem::take(&mut self.columns[column]);
        // Only the neighbours' positions are asked for, and those columns are in their places.
        let mut wanted = vec![0.0; slots.len()];
        let beside = if by_left {
            column.checked_sub(1)
        } else {
            Some(column + 1).filter(|next| *next < self.columns.len())
        };
        let mut position = crate::base::hash::HashMap::default();
        if let Some(beside) = beside {
            let others = self.columns[beside].iter().enumerate();
            position.extend(others.map(|(at, &slot)| (slot, at)));
        }
        for (at, &slot) in slots.iter().enumerate() {
            let neighbours = if by_left {
                &self.slots[slot].left
            } else {
                &self.slots[slot].right
            };
            wanted[at] = if neighbours.is_empty() {
                at as f64
            } else {
                let sum: usize = neighbours
                    .iter()
                    .filter_map(|slot| position.get(slot))
                    .sum();
                sum as f64 / neighbours.len() as f64
            };
        }
        let mut keyed: Vec<(f64, usize)> = wanted.into_iter().zip(slots.drain(..)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.columns[column] = keyed.into_iter().map(|(_, slot)| slot).collect();
    }

    /// How many pairs of arrows cross, by counting inversions between neighbouring columns.
    pub fn crossings(&self) -> usize {
        let position = self.positions();
        let mut crossings = 0;
        for column in self.columns.windows(2) {
            let mut ends: Vec<usize> = Vec::new();
            for &slot in &column[0] {
                let mut right: Vec<usize> = self.slots[slot]
                    .right
                    .iter()
                    .map(|&to| position[to])
                    .collect();
                right.sort_unstable();
                ends.extend(right);
            }
            crossings += inversions(&ends, column[1].len());
        }
        crossings
    }
}

/// Pairs of which the earlier is greater; values are below `bound`. A Fenwick tree counts what came before.
fn inversions(values: &[usize], bound: usize) -> usize {
    let mut tree = vec![0usize; bound + 1];
    let mut found = 0;
    for (before, &value) in values.iter().enumerate() {
        let (mut at, mut not_greater) = (value + 1, 0);
        while at > 0 {
            not_greater += tree[at];
            at &= at - 1;
        }
        found += before - not_greater;
        let mut at = value + 1;
        while at <= bound {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boxes are numbered so that arrows lead from lower to higher numbers.
    fn drawn(boxes: usize, arrows: &[(usize, usize)]) -> Layers {
        let component: Vec<usize> = (0..boxes).collect();
        let order: Vec<usize> = (0..boxes).rev().collect();
        let inside: Vec<usize> = (0..arrows.len()).collect();
        layers(&component, &inside, arrows, &order)
    }
    fn column_of(layers: &Layers, wanted: usize) -> usize {
        let holds = |column: &Vec<usize>| {
            column
                .iter()
                .any(|&slot| layers.slots[slot].of == Some(wanted))
        };
        layers.columns.iter().position(holds).expect("it is drawn")
    }

    #[test]
    fn inversions_are_crossings() {
        assert_eq!(inversions(&[0, 1, 2], 3), 0);
        assert_eq!(inversions(&[2, 1, 0], 3), 3);
        assert_eq!(inversions(&[1, 0, 1, 0], 2), 3);
        assert_eq!(inversions(&[0, 0], 1), 0);
    }

    #[test]
    fn every_arrow_leads_to_the_right_and_joins_neighbours_only() {
        let layers = drawn(5, &[(0, 1), (1, 2), (2, 3), (0, 3), (0, 4)]);
        let columns: Vec<usize> = (0..5).map(|at| column_of(&layers, at)).collect();
        assert_eq!(columns, [0, 1, 2, 3, 1]);
        for (_, route) in &layers.routes {
            for pair in route.windows(2) {
                assert!(layers.slots[pair[0]].right.contains(&pair[1]));
            }
        }
        let long = &layers.routes[3].1;
        assert_eq!(long.len(), 4, "two bends: {long:?}");
    }

    #[test]
    fn what_nothing_leads_to_stands_beside_what_it_leads_to() {
        let layers = drawn(5, &[(0, 2), (1, 4), (2, 3), (3, 4)]);
        assert_eq!(column_of(&layers, 1), column_of(&layers, 4) - 1);
    }

    #[test]
    fn a_tangle_that_can_be_undone_is_undone() {
        let arrows = [(0, 5), (1, 4), (2, 3), (0, 8), (1, 7), (2, 6)];
        assert_eq!(drawn(9, &arrows).crossings(), 0);
    }

    #[test]
    fn components_are_found_and_a_long_chain_ends_soon() {
        assert_eq!(components(4, &[(0, 2)]), [vec![0, 2], vec![1], vec![3]]);
        let chain: Vec<(usize, usize)> = (1..5000).map(|at| (at - 1, at)).collect();
        assert_eq!(drawn(5000, &chain).columns.len(), 5000);
        // Arrows over all columns would take 12 million bends.
        let mut far = chain;
        far.extend((0..5000 - 2).map(|at| (at, 4999)));
        let layers = drawn(5000, &far);
        assert!(layers.slots.len() <= 5000 + MOST_BENDS);
        assert_eq!(layers.routes.len(), far.len());
    }
}

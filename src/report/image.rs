//! What gomake says about images: what is in one that was built, and where it went. Shapes are documented in `docs/cli.md`.

use crate::event::{Failure, ImageReport, PushReport};
use crate::image::digest::Sha256;
use crate::image::record::{FileRecord, ImageRecord, LayerRecord};
use crate::plan::action::Kind;
use crate::report::block;
use crate::report::palette::{Palette, Tone};
use crate::report::size;
use crate::report::text::{clipped, columns, count, printable};
use crate::report::time;
use std::collections::BTreeMap;
use std::time::Duration;

/// Files of a layer that `-v` names.
const LARGEST: usize = 5;

/// How a report is shown.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub palette: Palette,
    /// Columns that lines may take; None: any number.
    pub width: Option<usize>,
    pub verbose: bool,
}

impl Frame {
    /// `text` where so many columns are taken already.
    fn clip(&self, text: &str, taken: usize) -> String {
        match self.width {
            Some(width) => clipped(text, width.saturating_sub(taken)),
            None => text.to_owned(),
        }
    }
    fn line(&self, indent: usize, text: &str, tone: Option<Tone>) -> String {
        let text = format!("{:indent$}{}", "", self.clip(text, indent));
        match tone {
            Some(tone) => self.palette.paint(tone, &text) + "\n",
            None => text + "\n",
        }
    }
    fn digest(&self, digest: &str) -> String {
        match digest.parse::<Sha256>() {
            Ok(digest) if !self.verbose => format!("sha256:{}", digest.short()),
            _ => printable(digest).into_owned(),
        }
    }
}

/// What is in an image that was built.
pub fn built(frame: Frame, name: &str, report: &ImageReport) -> String {
    let shared = shared(&report.record.images);
    let head = format!("{}  {}", printable(name), frame.digest(&report.digest));
    let mut out = match report.record.images.as_slice() {
        [] => heading(frame, &head),
        [only] => {
            let sizes = format!("{}  {}", only.platform, sizes(only));
            heading(frame, &format!("{head}  {sizes}")) + &layers(frame, only, &shared, 4)
        }
        several => {
            let all = count(several.len(), "platform");
            let size = size::short(stored(several));
            let mut out = heading(frame, &format!("{head}  {all}, {size}"));
            for image in several {
                let digest = frame.digest(&image.manifest.to_string());
                let text = format!("{}  {digest}  {}", image.platform, sizes(image));
                out += &frame.line(4, &text, None);
                out += &layers(frame, image, &shared, 8);
            }
            out
        }
    };
    if let Some((tag, digest)) = &report.unpinned {
        out += &pin(frame, tag, digest);
    }
    out
}

fn heading(frame: Frame, rest: &str) -> String {
    // Behind the column of the word, which may be painted.
    let rest = frame.clip(rest, 11);
    block::line(frame.palette, "image", Tone::Detail, &rest)
}

/// Not clipped: it is there to be copied.
fn pin(frame: Frame, tag: &str, digest: &str) -> String {
    let tag = printable(tag);
    let digest = digest.rsplit('@').next().unwrap_or(digest);
    format!(
        "  {}base {tag} may become another image: write base = \"{tag}@{}\" to pin it\n",
        frame.palette.paint(Tone::Detail, "note: "),
        printable(digest)
    )
}

/// `3 layers, 4.6 MB (8.4 MB unpacked)`. What a base is when unpacked is not known.
fn sizes(image: &ImageRecord) -> String {
    let stored: u64 = image.layers.iter().map(|layer| layer.size).sum();
    let unpacked: u64 = image.layers.iter().map(|layer| layer.unpacked).sum();
    let has_base = image.layers.iter().any(|layer| layer.of_base);
    format!(
        "{}, {} ({} unpacked{})",
        count(image.layers.len(), "layer"),
        size::short(stored),
        size::short(unpacked),
        if has_base { " without its base" } else { "" },
    )
}

/// Bytes of all layers, each counted once.
fn stored(images: &[ImageRecord]) -> u64 {
    let layers = images.iter().flat_map(|image| &image.layers);
    let sizes: BTreeMap<Sha256, u64> = layers.map(|layer| (layer.digest, layer.size)).collect();
    sizes.values().sum()
}

/// In how many of the images a layer is.
fn shared(images: &[ImageRecord]) -> BTreeMap<Sha256, usize> {
    let mut found = BTreeMap::new();
    for image in images {
        let mut own: Vec<Sha256> = image.layers.iter().map(|layer| layer.digest).collect();
        own.sort_unstable();
        own.dedup();
        for digest in own {
            *found.entry(digest).or_insert(0) += 1;
        }
    }
    found
}

/// A line of the table of layers.
struct Row<'a> {
    name: String,
    detail: String,
    bytes: u64,
    is_shared: bool,
    files: &'a [FileRecord],
}

/// The table of an image's layers, the lowest first; those of one base are one row.
fn layers(
    frame: Frame,
    image: &ImageRecord,
    shared: &BTreeMap<Sha256, usize>,
    indent: usize,
) -> String {
    let is_same_base = |one: &LayerRecord, other: &LayerRecord| {
        one.of_base && other.of_base && one.name == other.name
    };
    let rows: Vec<Row<'_>> = image
        .layers
        .chunk_by(is_same_base)
        .map(|layers| row(layers, shared))
        .collect();
    table(frame, &rows, indent)
}

fn row<'a>(layers: &'a [LayerRecord], shared: &BTreeMap<Sha256, usize>) -> Row<'a> {
    let layer = &layers[0];
    let (name, detail) = if layer.of_base {
        let more = match layers.len() {
            1 => String::new(),
            several => format!(", {several} layers"),
        };
        (
            "base".to_owned(),
            format!("{}{more}", printable(&layer.name)),
        )
    } else {
        (printable(&layer.name).into_owned(), contents(layer))
    };
    Row {
        name,
        detail,
        bytes: layers.iter().map(|layer| layer.size).sum(),
        is_shared: layers
            .iter()
            .all(|layer| shared.get(&layer.digest).is_some_and(|&images| images > 1)),
        files: &layer.files,
    }
}

/// `8.3 MB from dist/app`, `8.3 MB in 12 files`; nothing where the layer's name says it all.
fn contents(layer: &LayerRecord) -> String {
    let is_own = |file: &&FileRecord| file.from.as_ref().is_some_and(|from| *from != layer.name);
    let unpacked = size::short(layer.unpacked);
    match layer.files.iter().filter(is_own).count() {
        0 => String::new(),
        1 => {
            let from = layer
                .files
                .iter()
                .find(is_own)
                .and_then(|file| file.from.as_deref());
            format!("{unpacked} from {}", printable(from.unwrap_or_default()))
        }
        several => format!("{unpacked} in {several} files"),
    }
}

fn table(frame: Frame, rows: &[Row<'_>], indent: usize) -> String {
    let widest = |of: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let sizes = widest(&|row| size::short(row.bytes).len());
    let mut names = widest(&|row| columns(&row.name));
    let mut details = widest(&|row| columns(&row.detail));
    if let Some(width) = frame.width {
        let mark = if rows.iter().any(|row| row.is_shared) {
            8
        } else {
            0
        };
        let free = width.saturating_sub(indent + 4 + sizes + mark);
        // Details go first; of a name something should be left.
        details = details.min(free.saturating_sub(names).max(8));
        names = names.min(free.saturating_sub(details).max(8));
    }
    let mut out = String::new();
    for row in rows {
        let (name, detail) = (padded(&row.name, names), padded(&row.detail, details));
        let size = size::short(row.bytes);
        let mark = if row.is_shared { "  shared" } else { "" };
        let text = format!("{name}  {detail}  {size:>sizes$}{mark}");
        out += &frame.line(indent, &text, None);
        if frame.verbose && row.files.len() > 1 {
            out += &largest(frame, row.files, indent + 2);
        }
    }
    out
}

fn padded(text: &str, width: usize) -> String {
    let text = clipped(text, width);
    let blanks = width.saturating_sub(columns(&text));
    format!("{text}{:blanks$}", "")
}

/// The files that make a layer large.
fn largest(frame: Frame, files: &[FileRecord], indent: usize) -> String {
    let mut files: Vec<&FileRecord> = files.iter().filter(|file| file.size > 0).collect();
    files.sort_by(|one, other| {
        other
            .size
            .cmp(&one.size)
            .then_with(|| one.path.cmp(&other.path))
    });
    let mut out = String::new();
    for file in files.iter().take(LARGEST) {
        let from = match &file.from {
            Some(from) => format!(" from {}", printable(from)),
            None => String::new(),
        };
        let text = format!(
            "{:>9}  {}{from}",
            size::short(file.size),
            printable(&file.path)
        );
        out += &frame.line(indent, &text, Some(Tone::Faint));
    }
    if files.len() > LARGEST {
        let more = count(files.len() - LARGEST, "smaller file");
        out += &frame.line(indent, &format!("{:>9}  and {more}", ""), Some(Tone::Faint));
    }
    out
}

/// `localhost:5000/api:v1, :latest`: tags of one repository, which is written once.
pub fn tags(tags: &[String]) -> String {
    let mut out = String::new();
    let mut before = None;
    for tag in tags {
        let tag = printable(tag);
        let repository = repository(&tag);
        if !out.is_empty() {
            out.push_str(", ");
        }
        match repository {
            Some(repository) if before.as_deref() == Some(repository) => {
                out.push_str(&tag[repository.len()..]);
            }
            _ => out.push_str(&tag),
        }
        before = repository.map(str::to_owned);
    }
    out
}

/// What stands before a tag; a colon before a slash belongs to a port.
fn repository(tag: &str) -> Option<&str> {
    let (before, after) = tag.rsplit_once(':')?;
    (!after.contains('/')).then_some(before)
}

/// `loaded     image api into docker as localhost:5000/api:v1  0.31s`, or `current    image api in docker as …`.
pub fn loaded(
    frame: Frame,
    name: &str,
    engine: &str,
    names: &[String],
    took: Option<Duration>,
) -> String {
    let names = match names {
        [] => String::new(),
        names => format!(" as {}", tags(names)),
    };
    let label = block::label(Kind::Image, name);
    match took {
        Some(took) => {
            let took = frame.palette.paint(Tone::Faint, &time::short(took));
            let rest = format!("{label} into {engine}{names}  {took}");
            block::line(frame.palette, "loaded", Tone::Good, &rest)
        }
        None => {
            let rest = format!("{label} in {engine}{names}");
            block::line(frame.palette, "current", Tone::Faint, &rest)
        }
    }
}

/// `push  api to localhost:5000/api:v1`: the live line, and what a failure is about.
pub fn push_label(name: &str, to: &[String]) -> String {
    format!("{:<5} {} to {}", "push", printable(name), tags(to))
}

/// `pushed     image api to localhost:5000/api:v1  sha256:…  2 blobs, 4.4 MB sent, 1 there  0.31s`
///
/// The digest is whole: it is what others write to get this very image.
pub fn pushed(frame: Frame, name: &str, to: &[String], report: &PushReport) -> String {
    let label = block::label(Kind::Image, name);
    let (names, digest) = (tags(to), printable(&report.digest));
    if report.was_current {
        let rest = format!("{label} at {names}  {digest}");
        return block::line(frame.palette, "current", Tone::Faint, &rest);
    }
    let took = frame
        .palette
        .paint(Tone::Faint, &time::short(report.duration));
    let sent = format!(
        "{}, {} sent, {} there",
        count(report.blobs_sent, "blob"),
        size::short(report.bytes_sent),
        report.blobs_there
    );
    let rest = format!("{label} to {names}  {digest}  {sent}  {took}");
    block::line(frame.palette, "pushed", Tone::Good, &rest)
}

/// A push that failed: its line, and why.
pub fn push_failed(frame: Frame, name: &str, to: &[String], failure: &Failure) -> String {
    failed(frame, &push_label(name, to), failure)
}

/// An image that did not get into an engine: its line, and why.
pub fn load_failed(frame: Frame, name: &str, failure: &Failure) -> String {
    failed(frame, &format!("load  {}", printable(name)), failure)
}

fn failed(frame: Frame, what: &str, failure: &Failure) -> String {
    let line = block::line(frame.palette, "failed", Tone::Bad, what);
    let command = match failure.command.as_str() {
        "" => String::new(),
        command => block::command(frame.palette, command, frame.verbose),
    };
    line + &command + &block::failure_end(frame.palette, failure)
}

#[cfg(test)]
mod tests;

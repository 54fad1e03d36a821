//! A tree without its places: two texts with one shape mean the same. The formatter checks itself with it.

use crate::lang::ast::{
    Arg, BinaryOp, Entry, Expr, ExprKind, File, For, IndexItem, Item, Let, Param, Script,
    Statement, StrPart, TargetDecl,
};
use std::fmt::Write;

/// The file's structure as text, a line a statement. Comments have no part in it but as help of targets.
pub fn shape(file: &File) -> String {
    let mut out = Shape(String::new());
    for statement in &file.statements {
        out.statement(statement);
        out.0.push('\n');
    }
    out.0
}

struct Shape(String);

impl Shape {
    fn word(&mut self, word: &str) {
        // Quoted, so that no two trees share a text.
        let _ = write!(self.0, "{word:?} ");
    }

    fn each<T>(&mut self, label: &str, items: &[T], print: impl Fn(&mut Self, &T)) {
        let _ = write!(self.0, "{label}[ ");
        for item in items {
            print(self, item);
        }
        self.0.push_str("] ");
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Edition { number, .. } => drop(write!(self.0, "gofile {}", number.value)),
            Statement::Settings { entries, .. } => self.each("settings", entries, Self::entry),
            Statement::Let(binding) => self.binding(binding),
            Statement::Include(include) => {
                self.word(&include.path.value);
                self.word(&include.alias.value);
                self.each("include", &include.with, Self::entry);
            }
            Statement::Target(target) => self.target(target),
        }
    }

    fn target(&mut self, target: &TargetDecl) {
        self.word(target.kind.value.word());
        self.each("help", &target.help, |out, line| out.word(line));
        self.each("name", target.name.as_slice(), |out, name| {
            out.word(&name.value)
        });
        self.each("params", &target.params, Self::param);
        self.each("for", &target.fors, |out, For { name, items }| {
            out.word(&name.value);
            out.expr(items);
        });
        self.each("if", target.condition.as_slice(), Self::expr);
        self.each("body", &target.body, Self::item);
    }

    fn param(&mut self, param: &Param) {
        self.word(&param.name.value);
        self.each("choices", param.choices.as_slice(), Self::expr);
        self.each("default", param.default.as_slice(), Self::expr);
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Let(binding) => self.binding(binding),
            Item::Entry(entry) => self.entry(entry),
            Item::Run(script) => self.script(script),
            Item::Block { name, entries, .. } => {
                self.word(&name.value);
                self.each("block", entries, Self::entry);
            }
        }
    }

    fn script(&mut self, script: &Script) {
        self.each("run", script.interpreter.as_slice(), |out, name| {
            out.word(&name.value)
        });
        self.word(&script.text);
    }

    fn binding(&mut self, binding: &Let) {
        self.0.push_str("let ");
        self.word(&binding.name.value);
        self.expr(&binding.value);
    }

    fn entry(&mut self, entry: &Entry) {
        self.0.push_str("entry ");
        self.word(&entry.key.value);
        self.expr(&entry.value);
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Str(parts) => self.each("str", parts, |out, part| match part {
                StrPart::Text(text) => out.word(text),
                StrPart::Value(value) => out.expr(value),
            }),
            ExprKind::Int(number) => drop(write!(self.0, "{number} ")),
            ExprKind::Bool(value) => drop(write!(self.0, "{value} ")),
            ExprKind::List(items) => self.each("list", items, Self::expr),
            ExprKind::Map(entries) => self.each("map", entries, |out, (key, value)| {
                out.word(&key.value);
                out.expr(value);
            }),
            ExprKind::Name(name) => {
                self.0.push_str("name ");
                self.word(name);
            }
            ExprKind::Call { function, args } => {
                self.word(&function.value);
                self.each("call", args, Self::arg);
            }
            ExprKind::Index { base, items } => {
                self.expr(base);
                self.each("index", items, |out, item| match item {
                    IndexItem::Any(_) => out.0.push_str("* "),
                    IndexItem::Value(value) => out.expr(value),
                });
            }
            ExprKind::Field { base, name } => {
                self.expr(base);
                self.0.push_str("field ");
                self.word(&name.value);
            }
            ExprKind::If {
                condition,
                then,
                otherwise,
            } => {
                self.each("if", &[condition, then, otherwise], |out, part| {
                    out.expr(part)
                });
            }
            ExprKind::Not(inner) => self.each("not", &[inner], |out, inner| out.expr(inner)),
            ExprKind::Binary { op, left, right } => {
                let label = match op {
                    BinaryOp::Or => "or",
                    BinaryOp::And => "and",
                    BinaryOp::Equal => "equal",
                    BinaryOp::NotEqual => "not-equal",
                    BinaryOp::Add => "add",
                };
                self.each(label, &[left, right], |out, side| out.expr(side));
            }
        }
    }

    fn arg(&mut self, arg: &Arg) {
        self.each("arg", arg.name.as_slice(), |out, name| {
            out.word(&name.value)
        });
        self.expr(&arg.value);
    }
}

//! A list that begins with a word, as `(name 'x')`, whose parts are taken out one by one, so that what
//! nobody took can be reported.

use super::syntax::Item;
use crate::error::{Notes, Refusal, named, shown};
use crate::model::At;
use crate::words;

/// A list with its first word, and which of its other items have been taken.
pub(super) struct List<'a> {
    head: &'a str,
    offset: usize,
    rest: &'a [Item],
    taken: Vec<bool>,
}

impl<'a> List<'a> {
    /// The list, if it begins with a word.
    pub(super) fn new(items: &'a At<Vec<Item>>) -> Option<Self> {
        match items.split_first() {
            Some((Item::Word(head), rest)) => {
                let taken = vec![false; rest.len()];
                Some(Self { head: &head.value, offset: items.offset, rest, taken })
            }
            _ => None,
        }
    }

    /// The first word.
    pub(super) fn head(&self) -> &'a str {
        self.head
    }

    /// The byte where it begins.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// `(head ...)`, for messages.
    pub(super) fn title(&self) -> String {
        format!("({} ...)", named(self.head))
    }

    /// Takes all lists with a first word.
    pub(super) fn lists(&mut self, head: &str) -> Vec<List<'a>> {
        let mut out = Vec::new();
        for (item, taken) in self.rest.iter().zip(&mut self.taken) {
            let Item::List(items) = item else { continue };
            if let Some(list) = List::new(items).filter(|list| list.head == head) {
                *taken = true;
                out.push(list);
            }
        }
        out
    }

    /// Takes a list that can be there once.
    pub(super) fn list(&mut self, head: &str) -> Result<Option<List<'a>>, Refusal> {
        let mut found = self.lists(head).into_iter();
        let first = found.next();
        match found.next() {
            Some(second) => {
                let what = format!("{} is there twice in {}", second.title(), self.title());
                Err(Refusal::new(second.offset, what, "take one of them out"))
            }
            None => Ok(first),
        }
    }

    /// Takes the words of `(head words)`, which may be empty.
    pub(super) fn words(
        &mut self,
        head: &str,
        notes: &mut Notes,
    ) -> Result<Option<At<String>>, Refusal> {
        self.list(head)?.map(|list| list.only(notes)).transpose()
    }

    /// Takes the words of `(head words)`; without any it counts as absent, as xend writes it.
    pub(super) fn value(
        &mut self,
        head: &str,
        notes: &mut Notes,
    ) -> Result<Option<At<String>>, Refusal> {
        Ok(self.words(head, notes)?.filter(|words| !words.is_empty()))
    }

    /// Takes `(head 1)` or `(head 0)`.
    pub(super) fn switch(
        &mut self,
        head: &str,
        notes: &mut Notes,
    ) -> Result<Option<At<bool>>, Refusal> {
        let Some(text) = self.value(head, notes)? else { return Ok(None) };
        words::switch(&text).map(|on| Some(At::new(on, text.offset)))
    }

    /// The words of a list that holds nothing else; `(head)` holds empty words.
    fn only(self, notes: &mut Notes) -> Result<At<String>, Refusal> {
        let what = self.title();
        let mut words = None;
        for item in self.rest {
            match item {
                Item::Word(word) if words.is_none() => words = Some(word),
                Item::Word(word) => {
                    let error = format!("{what} has a second word {}", shown(word));
                    return Err(Refusal::new(word.offset, error, "put quotes around its words"));
                }
                Item::List(list) => notes.gap(list.offset, format!("a list in {what}")),
            }
        }
        match words {
            Some(word) => words::line(word, word.offset, &what),
            None => Ok(At::new(String::new(), self.offset)),
        }
    }

    /// Takes everything, as items.
    pub(super) fn items(self) -> &'a [Item] {
        self.rest
    }

    /// Reports what nobody took.
    pub(super) fn finish(self, notes: &mut Notes) {
        let title = self.title();
        for (item, taken) in self.rest.iter().zip(&self.taken) {
            let what = match item {
                _ if *taken => continue,
                Item::Word(word) => format!("the word {} in {title}", shown(word)),
                Item::List(items) => match List::new(items) {
                    Some(list) => format!("{} in {title}", list.title()),
                    None => format!("a list without a name in {title}"),
                },
            };
            notes.gap(item.offset(), what);
        }
    }
}

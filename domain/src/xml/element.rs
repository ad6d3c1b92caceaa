//! An XML element whose attributes and children are taken out one by one, so that what nobody took can
//! be reported.

use crate::error::{Notes, Refusal, named, shown};
use crate::model::At;
use crate::words;
use roxmltree::Node;

/// An element, and what has been taken of it.
pub(super) struct Element<'a> {
    node: Node<'a, 'a>,
    attributes: Vec<&'a str>,
    children: Vec<&'a str>,
}

impl<'a> Element<'a> {
    pub(super) fn new(node: Node<'a, 'a>) -> Self {
        Self { node, attributes: Vec::new(), children: Vec::new() }
    }

    /// The byte where it begins.
    pub(super) fn offset(&self) -> usize {
        self.node.range().start
    }

    /// `<name>`, for messages.
    pub(super) fn title(&self) -> String {
        format!("<{}>", named(self.node.tag_name().name()))
    }

    /// Takes an attribute.
    pub(super) fn attribute(&mut self, name: &'a str) -> Result<Option<At<String>>, Refusal> {
        self.attributes.push(name);
        let found = self.node.attributes().find(|it| it.namespace().is_none() && it.name() == name);
        let Some(found) = found else { return Ok(None) };
        let what = format!("attribute {name} of {}", self.title());
        words::line(found.value(), found.range_value().start, &what).map(Some)
    }

    /// Takes an attribute that has to be there.
    pub(super) fn needed(&mut self, name: &'a str) -> Result<At<String>, Refusal> {
        let what = format!("attribute {name} of {}", self.title());
        match self.attribute(name)? {
            Some(value) => words::filled(value, &what),
            None => {
                let hint = format!("write {name}='...'");
                Err(Refusal::new(self.offset(), format!("{what} is missing"), hint))
            }
        }
    }

    /// Takes all children of a name.
    pub(super) fn children(&mut self, name: &'a str) -> Vec<Element<'a>> {
        self.children.push(name);
        self.node.children().filter(|child| is_named(child, name)).map(Element::new).collect()
    }

    /// Takes a child that can be there once.
    pub(super) fn child(&mut self, name: &'a str) -> Result<Option<Element<'a>>, Refusal> {
        let mut found = self.children(name).into_iter();
        let first = found.next();
        match found.next() {
            Some(second) => {
                let what = format!("{} is there twice", second.title());
                Err(Refusal::new(second.offset(), what, "take one of them out"))
            }
            None => Ok(first),
        }
    }

    /// Takes the words of a child, which may be empty.
    pub(super) fn words(
        &mut self,
        name: &'a str,
        notes: &mut Notes,
    ) -> Result<Option<At<String>>, Refusal> {
        self.child(name)?.map(|child| child.text(notes)).transpose()
    }

    /// Takes the words of a child, which must not be empty.
    pub(super) fn value(
        &mut self,
        name: &'a str,
        notes: &mut Notes,
    ) -> Result<Option<At<String>>, Refusal> {
        let what = format!("<{name}>");
        self.words(name, notes)?.map(|words| words::filled(words, &what)).transpose()
    }

    /// Takes a child that is there or not.
    pub(super) fn flag(
        &mut self,
        name: &'a str,
        notes: &mut Notes,
    ) -> Result<Option<At<()>>, Refusal> {
        let child = self.child(name)?;
        Ok(child.map(|child| {
            let flag = At::new((), child.offset());
            child.finish(notes);
            flag
        }))
    }

    /// Takes a child that holds one attribute; an empty one counts as absent.
    pub(super) fn detail(
        &mut self,
        name: &'a str,
        attribute: &'a str,
        notes: &mut Notes,
    ) -> Result<Option<At<String>>, Refusal> {
        let Some(mut child) = self.child(name)? else { return Ok(None) };
        let value = child.attribute(attribute)?.filter(|value| !value.is_empty());
        child.finish(notes);
        Ok(value)
    }

    /// The words of an element that holds nothing else.
    pub(super) fn text(self, notes: &mut Notes) -> Result<At<String>, Refusal> {
        let texts: Vec<Node<'_, '_>> = self.node.children().filter(Node::is_text).collect();
        let offset = texts.first().map_or(self.offset(), |text| text.range().start);
        let text: String = texts.iter().filter_map(|text| text.text()).collect();
        let line = words::line(&text, offset, &self.title())?;
        self.rest(notes);
        Ok(line)
    }

    /// Reports what nobody took.
    pub(super) fn finish(self, notes: &mut Notes) {
        let blank = |text: &str| words::trimmed(text).is_empty();
        for text in self.node.children().filter(Node::is_text) {
            if let Some(words) = text.text().filter(|words| !blank(words)) {
                let what = format!("the words {} in {}", shown(words.trim()), self.title());
                notes.gap(text.range().start, what);
            }
        }
        self.rest(notes);
    }

    /// Attributes and elements that nobody took.
    fn rest(self, notes: &mut Notes) {
        let title = self.title();
        for attribute in self.node.attributes() {
            let known = attribute.namespace().is_none();
            if !(known && self.attributes.contains(&attribute.name())) {
                let (name, value) = (named(attribute.name()), shown(attribute.value()));
                let what = format!("attribute {name}={value} of {title}");
                notes.gap(attribute.range().start, what);
            }
        }
        for child in self.node.children().filter(Node::is_element) {
            if !self.children.iter().any(|name| is_named(&child, name)) {
                let what = format!("element <{}> in {title}", named(child.tag_name().name()));
                notes.gap(child.range().start, what);
            }
        }
    }
}

/// True for an element of this name without a namespace.
fn is_named(node: &Node<'_, '_>, name: &str) -> bool {
    let tag = node.tag_name();
    node.is_element() && tag.namespace().is_none() && tag.name() == name
}

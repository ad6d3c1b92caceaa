//! Parentheses, words and strings.
//!
//! A string stands on one line in `'...'` or `"..."`; in it a backslash makes the next quote or backslash
//! plain. A word is anything else up to white space, a parenthesis or a quote. There are no comments.

use crate::MAX_DEPTH;
use crate::error::Refusal;
use crate::model::At;

/// A word or a list, with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    Word(At<String>),
    List(At<Vec<Item>>),
}

impl Item {
    /// The byte where it begins.
    pub(super) fn offset(&self) -> usize {
        match self {
            Self::Word(word) => word.offset,
            Self::List(list) => list.offset,
        }
    }
}

/// The one list that a document is.
pub(super) fn parse(text: &str) -> Result<At<Vec<Item>>, Refusal> {
    let mut reader = Reader { text, at: text.len() - text.trim_start_matches('\u{feff}').len() };
    // Lists that are open: the document's own is the first.
    let mut open: Vec<At<Vec<Item>>> = Vec::new();
    loop {
        reader.skip_blank();
        let at = reader.at;
        let item = match reader.peek() {
            None => return Err(unfinished(&open, text)),
            Some('(') if open.len() == MAX_DEPTH => {
                let what = format!("parentheses are nested deeper than {MAX_DEPTH} levels");
                return Err(Refusal::new(at, what, "no domain needs that"));
            }
            Some('(') => {
                reader.next();
                open.push(At::new(Vec::new(), at));
                continue;
            }
            Some(')') => {
                reader.next();
                match open.pop() {
                    Some(list) if open.is_empty() => return reader.end(list),
                    Some(list) => Item::List(list),
                    None => return Err(Refusal::new(at, "a ) that closes nothing", HINT)),
                }
            }
            Some(quote @ ('\'' | '"')) => Item::Word(At::new(reader.string(quote)?, at)),
            Some(_) => Item::Word(At::new(reader.word(), at)),
        };
        match open.last_mut() {
            Some(list) => list.value.push(item),
            None => return Err(Refusal::new(at, "a word outside of all parentheses", HINT)),
        }
    }
}

const HINT: &str = "write (vm (name 'x') ...), with as many ) as (";

/// The text ends inside a list.
fn unfinished(open: &[At<Vec<Item>>], text: &str) -> Refusal {
    let what = match open {
        [] => "there is nothing in it".to_owned(),
        lists => format!("the text ends inside {} parentheses", lists.len()),
    };
    Refusal::new(text.len(), what, HINT)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += next.map_or(0, char::len_utf8);
        next
    }

    fn skip_blank(&mut self) {
        let blank = |char: &char| matches!(char, ' ' | '\t' | '\r' | '\n');
        while self.peek().as_ref().is_some_and(blank) {
            self.next();
        }
    }

    fn word(&mut self) -> String {
        let rest = &self.text[self.at..];
        let ends = |char: char| matches!(char, ' ' | '\t' | '\r' | '\n' | '(' | ')' | '\'' | '"');
        let len = rest.find(ends).unwrap_or(rest.len());
        self.at += len;
        rest[..len].to_owned()
    }

    /// A string from its first quote to its last.
    fn string(&mut self, quote: char) -> Result<String, Refusal> {
        let start = self.at;
        self.next();
        let mut out = String::new();
        loop {
            let at = self.at;
            match self.next() {
                None => {
                    let what = format!("a string that begins with {quote} has no end");
                    return Err(Refusal::new(start, what, format!("close it with {quote}")));
                }
                Some(char) if char == quote => return Ok(out),
                Some('\\') => match self.next() {
                    Some(plain @ ('\\' | '\'' | '"')) => out.push(plain),
                    _ => {
                        let what = "a backslash before neither a quote nor a backslash";
                        return Err(Refusal::new(at, what, "write \\\\ for a backslash"));
                    }
                },
                Some('\t' | '\r' | '\n') => {
                    let what = "a string that goes over more than one line, or has a tab in it";
                    return Err(Refusal::new(start, what, "write it on one line, with spaces"));
                }
                Some(char) => out.push(char),
            }
        }
    }

    /// The document's list, after which nothing may follow.
    fn end(&mut self, list: At<Vec<Item>>) -> Result<At<Vec<Item>>, Refusal> {
        self.skip_blank();
        match self.peek() {
            None => Ok(list),
            Some(_) => Err(Refusal::new(self.at, "text after the last )", HINT)),
        }
    }
}

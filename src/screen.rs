//! `--screen`, `-vga` and `--until screen~`: the VGA screen as text or as a picture.
//!
//! A machine has a VGA and a keyboard controller if an option, its firmware or a guest that calls a BIOS
//! needs them; else it has neither, and guests find that out. The screen is looked at between slices and when the run ends, never while the guest runs.

use crate::cli::RunArgs;
use crate::failure::{BadValue, Failure};
use crate::files::Output;
use crate::png;
use crate::text;
use crate::values::Goal;
use clap::ValueEnum;
use machine::Machine;
use regex::bytes::Regex;
use std::path::{Path, PathBuf};

/// `--screen`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Screen {
    /// Nothing is shown.
    Off,
    /// The text page, on standard output when the run ends.
    Text,
    /// A picture, into a file when the run ends.
    Png(PathBuf),
}

/// `-vga`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Adapter {
    /// There is none
    None,
    /// A standard VGA
    Std,
}

/// `off`, `text` or `png=F`.
pub(crate) fn parse(text: &str) -> Result<Screen, BadValue> {
    let hint = "off, text (when the run ends), or png=F for a picture";
    match text {
        "off" | "none" => Ok(Screen::Off),
        "text" => Ok(Screen::Text),
        "png" | "png=" => Err(BadValue::new("the picture has no file name", hint)),
        _ => match text.strip_prefix("png=") {
            Some(path) => Ok(Screen::Png(path.into())),
            None => Err(BadValue::new("no such way to show the screen", hint)),
        },
    }
}

/// The file of `--screen png=F`.
pub(crate) fn path(args: &RunArgs) -> Option<&Path> {
    match &args.screen {
        Screen::Png(path) => Some(path),
        Screen::Off | Screen::Text => None,
    }
}

/// Whether the machine has a VGA adapter; a guest that calls a BIOS writes to one.
pub(crate) fn has_vga(args: &RunArgs, needs_bios: bool) -> bool {
    match args.vga {
        Some(adapter) => adapter == Adapter::Std,
        None => is_looked_at(args) || args.bios.is_some() || needs_bios,
    }
}

/// Whether it has a keyboard controller: firmware expects one, a domain may name one.
pub(crate) fn has_keyboard(args: &RunArgs, needs_bios: bool) -> bool {
    has_vga(args, needs_bios) || needs_bios || args.bios.is_some() || args.keyboard
}

/// Refuses to look at a screen that there is not.
pub(crate) fn check(args: &RunArgs) -> Result<(), Failure> {
    match looks(args) {
        Some(option) if args.vga == Some(Adapter::None) => {
            let error = "a machine without a VGA adapter has no screen";
            Err(Failure::usage(error, format!("option {option}"), "drop -vga none"))
        }
        _ => Ok(()),
    }
}

/// True if an option looks at the screen. Else people look at the serial line.
pub(crate) fn is_looked_at(args: &RunArgs) -> bool {
    looks(args).is_some()
}

/// The option that looks at the screen.
fn looks(args: &RunArgs) -> Option<&'static str> {
    if args.screen != Screen::Off {
        return Some("--screen");
    }
    matches!(args.until, Some(Goal::Screen(_))).then_some("--until")
}

/// True if the rows of the text page, from top to bottom, match.
pub(crate) fn matches(machine: &Machine, regex: &Regex) -> bool {
    rows(machine).is_some_and(|rows| regex.is_match(rows.as_bytes()))
}

fn rows(machine: &Machine) -> Option<String> {
    machine.text_page().map(|page| page.lines().join("\n"))
}

/// Where the screen goes at the end; a file is opened before the run.
pub(crate) enum ScreenTo {
    /// Nowhere.
    Nowhere,
    /// Standard output.
    Text,
    /// A file.
    Png(Output),
}

impl ScreenTo {
    pub(crate) fn open(args: &RunArgs) -> Result<Self, Failure> {
        Ok(match &args.screen {
            Screen::Off => Self::Nowhere,
            Screen::Text => Self::Text,
            Screen::Png(path) => Self::Png(Output::create(path, "--screen")?),
        })
    }

    /// The text for standard output; the picture is written. `quiet`: no word about a screen without text.
    pub(crate) fn finish(&mut self, machine: &Machine, quiet: bool) -> Result<String, Failure> {
        match self {
            Self::Nowhere => Ok(String::new()),
            Self::Text => Ok(page(machine, quiet)),
            Self::Png(output) => {
                let Some(picture) = machine.picture() else { return Ok(String::new()) };
                let bytes = png::encode(&picture).map_err(|error| {
                    Failure::internal(error.to_string(), "option --screen", "report this as a bug")
                })?;
                output.write(&bytes).map(|()| String::new())
            }
        }
    }
}

/// The rows to the last that has something in it.
fn page(machine: &Machine, quiet: bool) -> String {
    match (rows(machine), machine.picture()) {
        (Some(rows), _) => match rows.trim_end_matches('\n') {
            "" => String::new(),
            rows => format!("{rows}\n"),
        },
        (None, Some(picture)) if !quiet => {
            let size = format!("{} x {}", picture.width, picture.height);
            let advice = "--screen png=F draws it";
            text::error(&format!("bootscope: the screen shows graphics, {size}: {advice}"));
            String::new()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_off_text_or_a_file_with_a_name() {
        assert_eq!(parse("off"), Ok(Screen::Off));
        assert_eq!(parse("text"), Ok(Screen::Text));
        assert_eq!(parse("png=a=b"), Ok(Screen::Png("a=b".into())));
        for text in ["", "on", "png", "png=", "vnc=:0"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

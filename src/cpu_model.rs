//! `--cpu MODEL[,+f,-f]`: a model from the CPU's table, with features added or taken away.
//!
//! Feature names are QEMU's (`target/i386/cpu.c`). Only what the CPU implements can be added.

use crate::failure::Failure;
use crate::text;
use cpu::features::{FEATURES, MODELS, Model, feature};

/// The model that `--cpu` names; `None` after `help` was answered.
pub(crate) fn choose(option: Option<&str>) -> Result<Option<Model>, Failure> {
    let Some(option) = option else { return Ok(Some(MODELS[0])) };
    if matches!(option, "help" | "?") {
        let _ = text::output(&help());
        return Ok(None);
    }
    let at = format!("option --cpu {option}");
    let hint = "`--cpu help` lists models and features";
    let mut parts = option.split(',');
    let name = parts.next().unwrap_or_default();
    let Some(mut model) = Model::by_name(name).copied() else {
        return Err(Failure::usage(format!("no CPU model {name:?}"), at, hint));
    };
    for part in parts {
        let change = match part.split_once('=') {
            Some((name, "on")) => Some((name, true)),
            Some((name, "off")) => Some((name, false)),
            Some(_) => None,
            None => part
                .strip_prefix('+')
                .map(|name| (name, true))
                .or_else(|| part.strip_prefix('-').map(|name| (name, false))),
        };
        let known = change.and_then(|(name, on)| feature(name).map(|feature| (feature, on)));
        let Some((feature, on)) = known else {
            return Err(Failure::usage(format!("no CPU feature {part:?}"), at, hint));
        };
        if !on {
            model.remove(feature);
        } else if let Err(missing) = model.add(feature) {
            let what = format!("CPU feature {} needs {missing}", feature.name);
            let hint = format!("add +{missing} before it, or take a model that has it");
            return Err(Failure::usage(what, at, hint));
        }
    }
    Ok(Some(model))
}

fn help() -> String {
    let mut out = String::from("Models, the default first:\n");
    for model in MODELS {
        let vendor = String::from_utf8_lossy(model.vendor);
        out += &format!("  {:10} {vendor}, signature {:#x}\n", model.name, model.signature);
        out += &wrapped(model.names());
    }
    out += "Features, +NAME or -NAME (taking one away takes those that need it):\n";
    out + &wrapped(FEATURES.iter().map(|feature| feature.name))
}

/// Names in indented lines of at most 100 characters.
fn wrapped<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut lines = vec![String::from("     ")];
    for name in names {
        if lines.last().is_some_and(|line| line.len() + name.len() >= 99) {
            lines.push(String::from("     "));
        }
        if let Some(line) = lines.last_mut() {
            *line += &format!(" {name}");
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_added_and_taken_away_by_its_name() {
        let model = choose(Some("qemu64,-nx,+x2apic,apic=off")).unwrap().unwrap();

        assert!(!model.has_named("nx") && !model.has_named("apic"));
        assert!(!model.has_named("x2apic"), "it needs the APIC");
    }

    #[test]
    fn unknown_models_and_features_are_refused() {
        for option in ["host", "", "qemu64,+avx512f", "qemu64,+avx", "qemu64,nx", "qemu64,nx=maybe"]
        {
            assert_eq!(choose(Some(option)).unwrap_err().status, 2, "{option}");
        }
    }
}

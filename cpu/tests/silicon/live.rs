//! The tests that ask the host: fresh states, and the recording of the stored answers.

use crate::compare::{Tally, compare};
use crate::emulator::Emulator;
use crate::generate::{Generator, forms};
use crate::layout::Random;
use crate::native::{self, Native};
use crate::state::{Case, End, Outcome};
use crate::stored;
use iced_x86::{Code, CpuidFeature};

/// Cases at a time.
const CHUNK: usize = 4096;
/// Stored answers of each form in each mode.
const OF_EACH_FORM: usize = 11;
/// Stored answers to raw bytes.
const OF_ANY_BYTES: usize = 6000;

/// Draws without a case after which there is none.
const FRUITLESS: u32 = 1000;

/// A number of the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    let number =
        |text: String| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number"));
    std::env::var(name).map_or(otherwise, number)
}

/// The oracle, where the host can be one.
pub(crate) fn oracle() -> Option<Native> {
    if !native::is_amd() {
        println!("not compared with the host: it is no AMD processor, whose choices are followed");
        return None;
    }
    match Native::new() {
        Ok(native) => Some(native),
        Err(why) => {
            println!("not compared with the host: {why}");
            None
        }
    }
}

/// True if the host has what a form needs; otherwise it raises #UD there.
fn host_has(feature: CpuidFeature) -> bool {
    use CpuidFeature::*;
    match feature {
        SSSE3 => is_x86_feature_detected!("ssse3"),
        SSE4_1 => is_x86_feature_detected!("sse4.1"),
        SSE4_2 => is_x86_feature_detected!("sse4.2"),
        SSE4A => is_x86_feature_detected!("sse4a"),
        AVX => is_x86_feature_detected!("avx"),
        AVX2 => is_x86_feature_detected!("avx2"),
        FMA => is_x86_feature_detected!("fma"),
        F16C => is_x86_feature_detected!("f16c"),
        BMI1 => is_x86_feature_detected!("bmi1"),
        BMI2 => is_x86_feature_detected!("bmi2"),
        ADX => is_x86_feature_detected!("adx"),
        LZCNT => is_x86_feature_detected!("lzcnt"),
        AES => is_x86_feature_detected!("aes"),
        PCLMULQDQ => is_x86_feature_detected!("pclmulqdq"),
        SHA => is_x86_feature_detected!("sha"),
        GFNI => is_x86_feature_detected!("gfni"),
        VAES => is_x86_feature_detected!("vaes"),
        VPCLMULQDQ => is_x86_feature_detected!("vpclmulqdq"),
        MOVBE => is_x86_feature_detected!("movbe"),
        XSAVEOPT => is_x86_feature_detected!("xsaveopt"),
        XSAVEC => is_x86_feature_detected!("xsavec"),
        XSAVES => is_x86_feature_detected!("xsaves"),
        // Of the rest, what is not known to be lacking is taken to be there.
        feature => !lacking(feature),
    }
}

/// Features that AMD's processors up to Zen 5 do not have: their encodings raise #UD.
fn lacking(feature: CpuidFeature) -> bool {
    use CpuidFeature::*;
    matches!(feature, XOP | TBM | FMA4 | LWP | D3NOW | D3NOWEXT | RTM | SGX1 | VMX | SMX)
}

/// What cases are drawn of.
struct Wanted {
    /// The beginning of the names that the environment asks for.
    only: Option<String>,
    /// Those forms in each mode, 64-bit ones first.
    forms: [(u32, Vec<Code>); 3],
}

impl Wanted {
    fn by_environment() -> Self {
        let only = std::env::var("SILICON_ONLY").ok();
        let asked = |code: &Code| {
            only.as_ref().is_none_or(|beginning| format!("{code:?}").starts_with(beginning))
        };
        let forms = [64, 32, 16].map(|bits| {
            let mut forms = forms(bits);
            forms.retain(asked);
            (bits, forms)
        });
        Self { only, forms }
    }

    /// Draws up to `count` cases: of every form alike, and of any bytes one in eight.
    fn draw(&self, generator: &mut Generator, random: &mut Random, count: usize) -> Vec<Case> {
        let mut cases = Vec::with_capacity(count);
        let mut fruitless = 0;
        while cases.len() < count {
            let (bits, forms) = &self.forms[random.pick(&[0usize, 0, 0, 1, 1, 2])];
            let case = match &self.only {
                Some(name) if name == "INVALID" => Some(generator.any(*bits)),
                None if random.one_in(8) => Some(generator.any(*bits)),
                _ if forms.is_empty() => None,
                _ => generator.of(random.pick(forms), *bits),
            };
            fruitless = if case.is_some() { 0 } else { fruitless + 1 };
            assert!(fruitless < FRUITLESS, "no case can be drawn of SILICON_ONLY={:?}", self.only);
            cases.extend(case);
        }
        cases
    }
}

#[test]
fn live_states_end_on_the_host_as_in_the_emulator() {
    let Some(mut native) = oracle() else { return };
    let (seed, count) = (number("SILICON_SEED", 1), number("SILICON_COUNT", 20_000) as usize);
    let mut generator = Generator::new(seed, host_has);
    let mut random = Random(seed);
    let mut emulator = Emulator::new();
    let mut tally = Tally::default();
    let wanted = Wanted::by_environment();

    let mut left = count;
    while left > 0 {
        let cases = wanted.draw(&mut generator, &mut random, left.min(CHUNK));
        let ends = native.run(&cases);
        for (case, end) in cases.iter().zip(ends) {
            let ours = emulator.run(case);
            let mut verdict = compare(case, &end, &ours);
            if matches!(verdict, crate::compare::Verdict::Different(_)) {
                // A context switch in between loses what XSAVE does not carry: ask again.
                let again = native.run(std::slice::from_ref(case)).remove(0);
                verdict = compare(case, &again, &ours);
            }
            tally.add(case, &verdict);
        }
        left -= cases.len();
    }

    println!("{count} states from seed {seed} on {}", native::processor());
    println!("{}", tally.report());
    assert_eq!(tally.unexplained(), 0);
    // Some forms have few answers that are compared in full.
    if wanted.only.is_none() {
        assert!(tally.same() as usize > 9 * count / 10, "{} of {count} are the same", tally.same());
    }
}

#[test]
fn all_inputs_of_the_8_bit_operations_are_stored_as_the_host_answers() {
    let Some(mut native) = oracle() else { return };

    let sums = native::checksums(&mut native);

    let stored: Vec<u64> = crate::exhaustive::OPERATIONS.iter().map(|row| row.2).collect();
    assert_eq!(sums, stored, "{sums:#018x?}");
}

/// The answers of the host to cases, where it gives the same one twice.
fn answers(native: &mut Native, cases: Vec<Case>) -> Vec<(Case, Outcome)> {
    let (first, second) = (native.run(&cases), native.run(&cases));
    let both = cases.into_iter().zip(first.into_iter().zip(second));
    both.filter_map(|(case, answers)| match answers {
        (End::Exception(first), End::Exception(second)) if first == second => Some((case, *first)),
        _ => None,
    })
    .collect()
}

/// Always of a few cases; `SILICON_RECORD` names a file that gets the answers to all of them.
#[test]
fn recorded_answers_come_back_as_the_host_gave_them() {
    let Some(mut native) = oracle() else { return };
    let target = std::env::var_os("SILICON_RECORD");
    let (of_each, of_any) =
        if target.is_some() { (OF_EACH_FORM, OF_ANY_BYTES) } else { (1, OF_ANY_BYTES / 20) };
    let mut generator = Generator::new(number("SILICON_SEED", 2026), host_has);
    let mut vectors = Vec::new();
    for (bits, forms) in Wanted::by_environment().forms {
        for code in forms {
            let of_form = |_| generator.of(code, bits);
            let cases: Vec<_> = (0..of_each).filter_map(of_form).collect();
            vectors.extend(answers(&mut native, cases));
        }
        let any = (0..of_any / 3).map(|_| generator.any(bits)).collect();
        vectors.extend(answers(&mut native, any));
    }

    let file = stored::pack(&native::processor(), &vectors);

    println!("{} vectors, {} bytes", vectors.len(), file.len());
    assert!(file.len() < 8 << 20);
    let (processor, read) = stored::unpack(&file).expect("a recording of this version");
    assert_eq!(processor, native::processor());
    assert!(!vectors.is_empty() && read == vectors, "{} vectors came back", read.len());
    if let Some(target) = target {
        std::fs::write(target, file).expect("a writable file");
    }
}

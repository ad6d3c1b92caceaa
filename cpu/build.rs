//! Decides whether calls in tail position become jumps: rustc does that for our handlers when it
//! optimises, on x86-64 and aarch64 (docs/decisions/0005). Elsewhere the hybrid form runs.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(full_tail)");
    let optimised = std::env::var("OPT_LEVEL").is_ok_and(|level| level != "0");
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    // With overflow checks or debug assertions handlers may keep frames: the hybrid form is bounded.
    let checked = std::env::var("CARGO_CFG_DEBUG_ASSERTIONS").is_ok();
    if optimised && !checked && matches!(arch.as_str(), "x86_64" | "aarch64") {
        println!("cargo::rustc-cfg=full_tail");
    }
}

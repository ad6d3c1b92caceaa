//! The target description: gdb's manual, "Target Description Format".

use super::registers::{Feature, ROWS};
use crate::names::bits::{self, Bits};
use core::fmt::Write;
use std::sync::LazyLock;

/// The XML of `target.xml`.
pub(super) static XML: LazyLock<String> = LazyLock::new(xml);

const VECTORS: &str = r#"<vector id="v4f" type="ieee_single" count="4"/>
<vector id="v2d" type="ieee_double" count="2"/>
<vector id="v16i8" type="int8" count="16"/>
<vector id="v8i16" type="int16" count="8"/>
<vector id="v4i32" type="int32" count="4"/>
<vector id="v2i64" type="int64" count="2"/>
<union id="vec128">
<field name="v4_float" type="v4f"/>
<field name="v2_double" type="v2d"/>
<field name="v16_int8" type="v16i8"/>
<field name="v8_int16" type="v8i16"/>
<field name="v4_int32" type="v4i32"/>
<field name="v2_int64" type="v2i64"/>
<field name="uint128" type="uint128"/>
</union>
"#;

fn xml() -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n\
         <architecture>i386:x86-64</architecture>\n",
    );
    for feature in Feature::ALL {
        // Writing to a string does not fail.
        let _ = writeln!(out, "<feature name=\"{}\">", feature.name());
        out += &types(feature);
        for (number, row) in ROWS.iter().enumerate().filter(|(_, row)| row.feature == feature) {
            let _ = writeln!(
                out,
                "<reg name=\"{}\" bitsize=\"{}\" type=\"{}\" regnum=\"{number}\"/>",
                row.name,
                row.bytes * 8,
                row.kind,
            );
        }
        out += "</feature>\n";
    }
    out + "</target>\n"
}

/// The types that a feature's registers have, beside gdb's own.
fn types(feature: Feature) -> String {
    match feature {
        Feature::Core => flags("i386_eflags", 4, bits::RFLAGS),
        Feature::Sse => VECTORS.to_owned() + &flags("i386_mxcsr", 4, bits::MXCSR),
        Feature::Segments | Feature::Avx => String::new(),
        Feature::System => {
            flags("cr0_bits", 8, bits::CR0)
                + &flags("cr4_bits", 8, bits::CR4)
                + &flags("efer_bits", 8, bits::EFER)
        }
    }
}

fn flags(id: &str, bytes: usize, bits: Bits) -> String {
    let mut fields: Vec<(u32, &str)> =
        bits.iter().map(|(mask, name)| (mask.trailing_zeros(), *name)).collect();
    fields.sort_unstable();
    let mut out = format!("<flags id=\"{id}\" size=\"{bytes}\">\n");
    for (bit, name) in fields {
        let _ = writeln!(out, "<field name=\"{name}\" start=\"{bit}\" end=\"{bit}\"/>");
    }
    out + "</flags>\n"
}

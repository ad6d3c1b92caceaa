//! What the soft TLB counts, for reports.

/// Counters of the soft TLB, for `--stats`: kept on misses and flushes only.
#[derive(Clone, Copy, Default, Debug)]
pub struct TlbStats {
    /// Loads that no fast tag covered.
    pub slow_loads: u64,
    /// Stores that no fast tag covered.
    pub slow_stores: u64,
    /// Page walks for data.
    pub data_walks: u64,
    /// Page walks for instruction fetches.
    pub code_walks: u64,
    /// Fast tags granted.
    pub tags: u64,
    /// Flushes of everything.
    pub flushes: u64,
    /// Flushes of all that is not global.
    pub flushes_non_global: u64,
    /// Flushes of one page.
    pub flushes_page: u64,
    /// Times a page's write tags were withdrawn because it holds decoded code now.
    pub withdrawn: u64,
    /// Times every fast tag was dropped while translations stayed.
    pub tags_dropped: u64,
    /// Epochs of virtual jump targets.
    pub epochs: u64,
}

impl TlbStats {
    /// Every counter with its name, in the order of reports.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let Self {
            slow_loads,
            slow_stores,
            data_walks,
            code_walks,
            tags,
            flushes,
            flushes_non_global,
            flushes_page,
            withdrawn,
            tags_dropped,
            epochs,
        } = *self;
        vec![
            ("loads without a tag", slow_loads),
            ("stores without a tag", slow_stores),
            ("page walks for data", data_walks),
            ("page walks for code", code_walks),
            ("tags granted", tags),
            ("TLB flushes", flushes),
            ("TLB flushes but global", flushes_non_global),
            ("TLB flushes of a page", flushes_page),
            ("write tags withdrawn", withdrawn),
            ("all tags dropped", tags_dropped),
            ("jump epochs", epochs),
        ]
    }
}

//! ACPI tables for direct boot.

mod metering;
#[cfg(all(feature = "sqlite", feature = "conformance"))]
mod support {
    pub(crate) mod files;
    pub(crate) mod runtime;
}

//! What the process itself uses: memory, open files, and since when it runs.

use std::fs;
use std::time::Instant;

use opentelemetry::metrics::Meter;

/// Measures when somebody scrapes, and not otherwise.
pub(super) fn measure(meter: &Meter) {
    let began = Instant::now();
    let _uptime = meter
        .f64_observable_gauge("process.uptime")
        .with_description("How long the process has been running")
        .with_unit("s")
        .with_callback(move |observer| observer.observe(began.elapsed().as_secs_f64(), &[]))
        .build();
    let _memory = meter
        .u64_observable_gauge("process.memory.usage")
        .with_description("Memory in RAM")
        .with_unit("By")
        .with_callback(|observer| {
            if let Some(bytes) = resident_bytes() {
                observer.observe(bytes, &[]);
            }
        })
        .build();
    let _files = meter
        .u64_observable_gauge("process.open_file_descriptor.count")
        .with_description("Open files and sockets")
        .with_callback(|observer| {
            if let Some(count) = open_files() {
                observer.observe(count, &[]);
            }
        })
        .build();
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

fn open_files() -> Option<u64> {
    fs::read_dir("/proc/self/fd").ok()?.count().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_what_it_uses() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1_000_000));
        assert!(open_files().is_some_and(|count| count >= 3));
    }
}

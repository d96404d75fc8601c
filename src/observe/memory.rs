//! How much memory the process holds.

/// Resident memory in bytes; 0 where `/proc` does not tell.
#[must_use]
pub fn resident_bytes() -> u64 {
    // proc_pid_statm(5) counts pages; `VmRSS` in status is in KiB whatever the page size.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    resident_in(&status).unwrap_or(0)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read() {
        assert_eq!(
            resident_in("Name:\tx\nVmRSS:\t   12345 kB\nVmData: 1 kB\n"),
            Some(12345 * 1024)
        );
        assert_eq!(resident_in("Name:\tx\n"), None);
        assert!(resident_bytes() > 1 << 20);
    }
}

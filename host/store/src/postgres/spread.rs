//! How many buckets each living host is to have: as evenly as they go, moving as few as possible.
//!
//! Every host computes this for itself from what stands in the database, so hosts that see the same
//! rows agree. What must hold: hosts that have what they are to have stay as they are; nobody is to
//! give more than others lack.

use std::collections::BTreeMap;

/// How many of `buckets` each host is to have, where `own` says how many each living one has. Of
/// hosts that differ by one at the end, those that have more already keep more.
pub(super) fn targets(own: &BTreeMap<String, usize>, buckets: usize) -> BTreeMap<&str, usize> {
    if own.is_empty() {
        return BTreeMap::new();
    }
    let mut hosts: Vec<(&str, usize)> = own.iter().map(|(id, own)| (id.as_str(), *own)).collect();
    hosts.sort_by(|(id, own), (other, others)| others.cmp(own).then(id.cmp(other)));
    let (least, more) = (buckets / hosts.len(), buckets % hosts.len());
    hosts
        .into_iter()
        .enumerate()
        .map(|(place, (id, _))| (id, least + usize::from(place < more)))
        .collect()
}

/// The buckets in the order in which this host takes them: another one for each host, so that two
/// which take at once seldom want the same.
pub(super) fn in_order_of(host: &str, buckets: &mut [i32]) {
    buckets.sort_by_key(|bucket| crate::bucket_of(i32::MAX, &[host, &bucket.to_string()]));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn own(counts: &[usize]) -> BTreeMap<String, usize> {
        let ids = (0..).map(|number| format!("host-{number}"));
        ids.zip(counts.iter().copied()).collect()
    }

    #[test]
    fn a_host_that_joins_gets_its_share_and_no_more_is_moved() {
        let own = own(&[128, 128, 0]);
        let targets = targets(&own, 256);
        assert_eq!(targets.values().copied().collect::<Vec<_>>(), [86, 85, 85]);
    }

    #[test]
    fn hosts_that_differ_by_one_stay_as_they_are() {
        let own = own(&[85, 86, 85]);
        let targets = targets(&own, 256);
        assert!(own.iter().all(|(id, count)| targets[id.as_str()] == *count));
    }

    proptest! {
        #[test]
        fn all_buckets_go_to_somebody_and_nobody_has_two_more_than_another(
            counts in prop::collection::vec(0_usize..40, 1..9), free in 0_usize..40,
        ) {
            let buckets = counts.iter().sum::<usize>() + free;
            let own = own(&counts);
            let targets = targets(&own, buckets);
            prop_assert_eq!(targets.values().sum::<usize>(), buckets);
            let (most, least) = (targets.values().max().unwrap(), targets.values().min().unwrap());
            prop_assert!(most - least <= 1);
            let given: usize = own.iter().map(|(id, own)| own.saturating_sub(targets[id.as_str()])).sum();
            let lacking: usize =
                own.iter().map(|(id, own)| targets[id.as_str()].saturating_sub(*own)).sum();
            prop_assert_eq!(given + free, lacking);
        }
    }

    #[test]
    fn two_hosts_begin_with_different_buckets() {
        let mut one: Vec<i32> = (0..256).collect();
        let mut two = one.clone();
        in_order_of("host-1", &mut one);
        in_order_of("host-2", &mut two);
        let same = one
            .iter()
            .zip(&two)
            .take(128)
            .filter(|(a, b)| a == b)
            .count();
        assert!(same < 16, "{same}");
    }
}

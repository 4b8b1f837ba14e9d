//! Facets that are there more than once.

/// What was taken out.
pub(super) struct Removed {
    /// Facets that have the vertices of one before them, either way round.
    pub(super) duplicates: u64,
    /// Those of them that face the same way as the one that stayed.
    pub(super) copies: Vec<[u32; 3]>,
}

/// Leaves one of each group of equal facets. Two that face opposite ways bound nothing and go
/// both; if one of them was needed, a hole of its size is left and closed with it later.
pub(super) fn remove(facets: &mut Vec<[u32; 3]>) -> Removed {
    let mut keyed: Vec<([u32; 3], bool, u32)> =
        (0_u32..).zip(facets.iter()).map(|(index, facet)| key(*facet, index)).collect();
    keyed.sort_unstable();
    let mut removed = Removed { duplicates: 0, copies: vec![] };
    let mut keep = vec![true; facets.len()];
    for group in keyed.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        removed.duplicates += group.len() as u64 - 1;
        let turned = group.iter().filter(|(_, turned, _)| *turned).count();
        let majority = turned * 2 > group.len();
        let surplus = turned.abs_diff(group.len() - turned);
        let mut left = usize::from(surplus > 0);
        for (_, turned, index) in group {
            if *turned == majority && left > 0 {
                left -= 1;
                continue;
            }
            keep[*index as usize] = false;
            if *turned == majority && surplus > 0 {
                removed.copies.push(facets[*index as usize]);
            }
        }
    }
    if removed.duplicates > 0 {
        let mut kept = keep.iter();
        facets.retain(|_| *kept.next().unwrap_or(&true));
    }
    removed
}

/// The vertices in order, and whether ordering them turned the facet over.
fn key(facet: [u32; 3], index: u32) -> ([u32; 3], bool, u32) {
    let [a, b, c] = facet;
    let mut ordered = facet;
    ordered.sort_unstable();
    let turned = ordered != [a, b, c] && ordered != [b, c, a] && ordered != [c, a, b];
    (ordered, turned, index)
}

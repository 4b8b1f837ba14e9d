//! Walking over the edges of a list of facets.

/// One use of an edge: which facet, and whether it runs from the higher to the lower vertex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) facet: u32,
    pub(super) backward: bool,
}

/// Calls `visit` with each edge's lower and higher vertex and all uses of it, in an order that
/// depends on the facets only. A counting sort by lower vertex, 8 bytes a half-edge.
pub(super) fn each_edge(
    vertices: usize,
    facets: &[[u32; 3]],
    mut visit: impl FnMut(u32, u32, &[Use]),
) {
    let (mut ordered, starts) = bucketed(vertices, facets);
    let mut uses = vec![];
    for (lower, bucket) in (0_u32..).zip(starts.windows(2)) {
        let bucket = &mut ordered[bucket[0] as usize..bucket[1] as usize];
        bucket.sort_unstable();
        for edge in bucket.chunk_by(|a, b| a >> 32 == b >> 32) {
            uses.clear();
            uses.extend(edge.iter().map(|half| unpacked(*half)));
            visit(lower, upper(edge[0]), &uses);
        }
    }
}

fn upper(half: u64) -> u32 {
    (half >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half of 64 bits")]
fn unpacked(half: u64) -> Use {
    Use { facet: half as u32 >> 1, backward: half & 1 == 1 }
}

fn bucketed(vertices: usize, facets: &[[u32; 3]]) -> (Vec<u64>, Vec<u32>) {
    let half_edges = || {
        (0_u64..).zip(facets).flat_map(|(index, &[a, b, c])| {
            [(a, b), (b, c), (c, a)].map(|(from, to)| {
                let key = u64::from(from.max(to)) << 32 | index << 1 | u64::from(from > to);
                (from.min(to), key)
            })
        })
    };
    let mut starts = vec![0_u32; vertices + 1];
    for (lower, _) in half_edges() {
        starts[lower as usize + 1] += 1;
    }
    for index in 1..starts.len() {
        starts[index] += starts[index - 1];
    }
    let mut ordered = vec![0_u64; facets.len() * 3];
    // Filling moves each start to the start of the next bucket; shifting by one undoes that.
    for (lower, key) in half_edges() {
        let next = &mut starts[lower as usize];
        ordered[*next as usize] = key;
        *next += 1;
    }
    starts.rotate_right(1);
    starts[0] = 0;
    (ordered, starts)
}

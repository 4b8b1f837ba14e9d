//! The corners of one chunk, ordered by bucket.
//!
//! Welding and counting edges both bring together what lies anywhere in the file: the corners at
//! one position, the facets at one vertex. A large hash table or a counting sort over the whole
//! mesh misses the cache at nearly each step when the facets come in random order (three times
//! slower, measured). So each chunk is first sorted by bucket within the cache; a bucket is then
//! the pieces of all chunks that belong to it, read in file order, and fits into the cache, too.

/// One item for each corner of a chunk, ordered by bucket; within a bucket in file order.
pub(crate) struct Sorted<T> {
    items: Vec<T>,
    /// Where each bucket begins, and where the last one ends.
    starts: Vec<u32>,
}

impl<T: Copy + Default> Sorted<T> {
    /// Sorts the items of a chunk. `bucket_of` says for each facet where its three items belong:
    /// a number below `buckets`, or `buckets` itself for what can be forgotten. `items` gives the
    /// items of a facet.
    pub(crate) fn new(
        buckets: usize,
        bucket_of: &[[u32; 3]],
        items: impl Fn(usize) -> [T; 3],
    ) -> Self {
        let mut starts = vec![0_u32; buckets + 2];
        for bucket in bucket_of.as_flattened() {
            starts[*bucket as usize + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        let mut sorted = vec![T::default(); 3 * bucket_of.len()];
        // Filling moves each start to the start of the next bucket; shifting by one undoes that.
        for (facet, buckets) in bucket_of.iter().enumerate() {
            for (bucket, item) in buckets.iter().zip(items(facet)) {
                let next = &mut starts[*bucket as usize];
                sorted[*next as usize] = item;
                *next += 1;
            }
        }
        starts.rotate_right(1);
        starts[0] = 0;
        Self { items: sorted, starts }
    }

    pub(crate) fn bucket(&self, bucket: usize) -> &[T] {
        &self.items[self.starts[bucket] as usize..self.starts[bucket + 1] as usize]
    }
}

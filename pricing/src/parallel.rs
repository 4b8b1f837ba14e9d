//! Work cut into chunks, so that the answer does not depend on who does it.
//!
//! A mesh is cut into chunks of [`CHUNK`] facets in file order, whatever the number of threads.
//! Sums run inside a chunk in file order and then over the chunks in file order, so one thread
//! and seven give the same number to the last bit. Work runs on the rayon pool that the caller is
//! in: who wants a limit installs a pool of that size.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

/// Facets in a chunk. Small enough that what is made of a chunk stays in the second-level cache,
/// large enough that handing it out costs nothing. Changing it changes the last bits of sums, and
/// therefore [`crate::ENGINE_VERSION`].
pub(crate) const CHUNK: usize = 16_384;

/// Fewer chunks than this are not worth a second thread (a chunk takes a millisecond or less), so
/// models of up to 50 000 facets are measured by the thread that asks: a worker has other models
/// for the others.
const SHARE: usize = 2;

/// `work` on each number below `count`, in a room that is made once for many pieces of work; the
/// answers in order.
pub(crate) fn map<R, T: Send>(
    count: usize,
    room: impl Fn() -> R + Sync + Send,
    work: impl Fn(&mut R, usize) -> T + Sync + Send,
) -> Vec<T> {
    (0..count).into_par_iter().with_min_len(SHARE).map_init(room, work).collect()
}

/// `work` on each chunk of the items; the answers in order.
pub(crate) fn map_chunks<I: Sync, T: Send>(
    items: &[I],
    work: impl Fn(&[I]) -> T + Sync + Send,
) -> Vec<T> {
    items.par_chunks(CHUNK).with_min_len(SHARE).map(work).collect()
}

/// Fills each chunk of `made`, given the same chunk of `items`.
pub(crate) fn fill_chunks<I: Sync, T: Send>(
    made: &mut [T],
    items: &[I],
    work: impl Fn(&mut [T], &[I]) + Sync + Send,
) {
    made.par_chunks_mut(CHUNK)
        .zip(items.par_chunks(CHUNK))
        .with_min_len(SHARE)
        .for_each(|(made, items)| work(made, items));
}

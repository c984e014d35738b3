//! The allocator of a plugin: a bump arena in the initial memory.
//!
//! An activation is short and its sandbox is thrown away afterwards, so there is little to gain by
//! keeping free lists, and much to lose by `memory.grow`: each growth is a system call under a lock
//! of the whole host process. The first 512 KiB come from a static; what does not fit comes from
//! the standard allocator, which grows the memory.
//!
//! What must hold: a block is freed by whoever gave it, told apart by its address; a component has
//! one thread. The newest block of the arena can be freed and can grow in place, which is what a
//! growing `Vec` or `String` does most of the time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// Enough for the JSON of an ordinary activation; measured at one to two hundred KiB.
const SIZE: usize = 512 * 1024;

/// The allocator; see the module.
#[derive(Debug)]
pub struct Arena {
    memory: UnsafeCell<[u8; SIZE]>,
    /// Offset of the first free byte.
    next: UnsafeCell<usize>,
}

// SAFETY: a component of this contract has one thread.
unsafe impl Sync for Arena {}

impl Arena {
    /// An empty arena; const, so that it lies in the zero-initialised memory.
    pub const fn new() -> Self {
        Arena {
            memory: UnsafeCell::new([0; SIZE]),
            next: UnsafeCell::new(0),
        }
    }

    fn base(&self) -> usize {
        self.memory.get() as usize
    }

    fn holds(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.base()) < SIZE
    }

    /// Whether the block is the newest one of the arena.
    fn is_newest(&self, block: *mut u8, size: usize) -> bool {
        // SAFETY: one thread, and no reference to the cell is kept.
        block as usize - self.base() + size == unsafe { *self.next.get() }
    }
}

impl Default for Arena {
    fn default() -> Self {
        Arena::new()
    }
}

// SAFETY: blocks of the arena do not overlap, because `next` only moves back over the newest one;
// all others are the system allocator's and go back to it.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and no reference to the cell is kept.
        let next = unsafe { *self.next.get() };
        let address = (self.base() + next).next_multiple_of(layout.align());
        let start = address - self.base();
        if layout.size() <= SIZE && start <= SIZE - layout.size() {
            // SAFETY: as above; start + size lies within the arena.
            unsafe { *self.next.get() = start + layout.size() };
            // SAFETY: start <= SIZE, so the pointer stays within the same object.
            return unsafe { self.memory.get().cast::<u8>().add(start) };
        }
        // SAFETY: the caller's layout is passed on unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !self.holds(block) {
            // SAFETY: not of the arena, so of the system allocator.
            unsafe { System.dealloc(block, layout) };
        } else if self.is_newest(block, layout.size()) {
            // SAFETY: one thread; the newest block ends where the free part begins.
            unsafe { *self.next.get() = block as usize - self.base() };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !self.holds(block) {
            // SAFETY: not of the arena, so of the system allocator.
            return unsafe { System.realloc(block, layout, new_size) };
        }
        let start = block as usize - self.base();
        if self.is_newest(block, layout.size()) && new_size <= SIZE - start {
            // SAFETY: one thread; the block is the newest and stays within the arena.
            unsafe { *self.next.get() = start + new_size };
            return block;
        }
        if new_size <= layout.size() {
            return block;
        }
        // SAFETY: the size is the caller's, the alignment that of a valid layout.
        let moved =
            unsafe { self.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both blocks are at least as long as the old one and do not overlap.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size()) };
        }
        moved
    }
}

#[cfg(all(target_arch = "wasm32", feature = "arena"))]
#[global_allocator]
static ARENA: Arena = Arena::new();

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap_or_else(|_| unreachable!("a small size"))
    }

    #[test]
    fn the_newest_block_grows_in_place_and_is_given_back() {
        let arena = Box::new(Arena::new());
        // SAFETY: every block is used within its size and freed once with its layout.
        unsafe {
            let first = arena.alloc(layout(100));
            let grown = arena.realloc(first, layout(100), 200);
            assert_eq!(first, grown);
            let second = arena.alloc(layout(10));
            assert!(second as usize >= grown as usize + 200);
            let moved = arena.realloc(grown, layout(200), 300);
            assert_ne!(moved, grown);
            arena.dealloc(moved, layout(300));
            assert_eq!(arena.alloc(layout(300)), moved);
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_the_system() {
        let arena = Box::new(Arena::new());
        // SAFETY: as above.
        unsafe {
            let big = arena.alloc(layout(SIZE + 1));
            assert!(!arena.holds(big));
            let bigger = arena.realloc(big, layout(SIZE + 1), SIZE + 2);
            arena.dealloc(bigger, layout(SIZE + 2));
            let exact = arena.alloc(layout(SIZE));
            assert!(arena.holds(exact) || (arena.base() % 8 != 0));
            let one_more = arena.alloc(layout(8));
            assert!(!arena.holds(one_more) || (arena.base() % 8 != 0));
            arena.dealloc(one_more, layout(8));
        }
    }
}

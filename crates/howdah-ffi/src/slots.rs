//! Instances of plain classes with `__slots__`, made without running the Python code of their `__init__`.

use std::ptr;

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// `T_OBJECT_EX` of structmember.h, `Py_T_OBJECT_EX` since CPython 3.12: a reference that may be missing.
const OBJECT_SLOT: std::ffi::c_int = 16;

/// A class that keeps all it has in two slots, and where in an instance these lie.
pub struct TwoSlots {
    class: Py<PyType>,
    offsets: [usize; 2],
}

impl TwoSlots {
    /// Looks the slots up. `None` if one of the names is anything but a slot of this class, or if the class has a
    /// constructor of its own, which must not be passed by.
    pub fn find(class: &Bound<'_, PyType>, names: [&str; 2]) -> Option<Self> {
        let class_ptr = class.as_type_ptr();
        // SAFETY: both pointers are to live type objects, whose slots do not change behind the interpreter's back.
        let constructors = unsafe { [ffi::PyBaseObject_Type.tp_new, (*class_ptr).tp_new] };
        let [Some(base), Some(own)] = constructors else {
            return None;
        };
        if !ptr::fn_addr_eq(base, own) {
            return None;
        }
        let [Some(first), Some(second)] = names.map(|name| slot_offset(class, name)) else {
            return None;
        };
        Some(Self {
            class: class.clone().unbind(),
            offsets: [first, second],
        })
    }

    /// An instance with these values in its slots.
    ///
    /// # Errors
    /// MemoryError.
    #[inline]
    pub fn make<'py>(
        &self,
        py: Python<'py>,
        values: [Bound<'py, PyAny>; 2],
    ) -> PyResult<Bound<'py, PyAny>> {
        let class = self.class.bind(py).as_type_ptr();
        // SAFETY: the class is alive and its constructor is that of `object`, which calls tp_alloc the same way for an
        // instance of a class that is not abstract. A new reference or null with an exception set comes back.
        let made = unsafe {
            let alloc = (*class)
                .tp_alloc
                .ok_or_else(|| PyMemoryError::new_err(()))?;
            Bound::from_owned_ptr_or_err(py, alloc(class, 0))?
        };
        for (offset, value) in self.offsets.into_iter().zip(values) {
            // SAFETY: `slot_offset` found that an instance has a place for an object reference there, inside its basic
            // size. tp_alloc leaves it null, so that nothing is overwritten, and the instance is still ours alone.
            unsafe {
                made.as_ptr()
                    .byte_add(offset)
                    .cast::<*mut ffi::PyObject>()
                    .write(value.into_ptr());
            }
        }
        Ok(made)
    }
}

/// Where the slot `name` of `class` lies in an instance.
fn slot_offset(class: &Bound<'_, PyType>, name: &str) -> Option<usize> {
    let descriptor = class.getattr(name).ok()?;
    // SAFETY: the type of a live object is compared with that of member descriptors before the object is taken for one;
    // its definition lives as long as it does. All that is read are numbers.
    let (type_code, offset, owner, size) = unsafe {
        if ffi::Py_TYPE(descriptor.as_ptr()) != &raw mut ffi::PyMemberDescr_Type {
            return None;
        }
        let descriptor = descriptor.as_ptr().cast::<ffi::PyMemberDescrObject>();
        // PyO3 declares another type for the definition before CPython 3.11; it always was this one.
        let member = (*descriptor).d_member.cast::<ffi::PyMemberDef>();
        let owner = (*descriptor).d_common.d_type;
        (
            (*member).type_code,
            (*member).offset,
            owner,
            (*owner).tp_basicsize,
        )
    };
    let end = offset.checked_add(size_of::<*mut ffi::PyObject>().cast_signed())?;
    let fits = offset >= size_of::<ffi::PyObject>().cast_signed() && end <= size;
    let ours = owner == class.as_type_ptr() && type_code == OBJECT_SLOT;
    usize::try_from(offset).ok().filter(|_| fits && ours)
}

//! Arrow's data in Python's capsules, as the PyCapsule interface of Arrow has it.

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{Array, RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

const SCHEMA: &std::ffi::CStr = c"arrow_schema";
const ARRAY: &std::ffi::CStr = c"arrow_array";
const STREAM: &std::ffi::CStr = c"arrow_array_stream";

/// A schema for whoever imports it. Nobody has to: the capsule frees what was not taken.
///
/// # Errors
/// A schema that the interface has no form for.
pub fn schema<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    let exported = FFI_ArrowSchema::try_from(schema).map_err(refused)?;
    PyCapsule::new_with_value(py, exported, SCHEMA)
}

/// A batch: its schema, and its columns as a struct.
///
/// # Errors
/// As [`schema`].
pub fn array<'py>(py: Python<'py>, batch: &RecordBatch) -> PyResult<Bound<'py, PyTuple>> {
    let fields = schema(py, batch.schema_ref())?;
    let exported = FFI_ArrowArray::new(&StructArray::from(batch.clone()).to_data());
    let columns = PyCapsule::new_with_value(py, exported, ARRAY)?;
    (fields, columns).into_pyobject(py)
}

/// Batches of a schema, as a stream.
///
/// # Errors
/// There is no memory.
pub fn stream(
    py: Python<'_>,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> PyResult<Bound<'_, PyCapsule>> {
    let batches = batches.into_iter().map(Ok::<_, ArrowError>);
    let reader = RecordBatchIterator::new(batches, schema);
    let exported = FFI_ArrowArrayStream::new(Box::new(reader));
    PyCapsule::new_with_value(py, exported, STREAM)
}

/// The batches of a stream of somebody else's.
pub struct Batches(RecordBatchStreamReader);

impl Batches {
    /// Those of any object that has the interface.
    ///
    /// # Errors
    /// TypeError for one that has not, and what its method raises.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let Some(export) = object.getattr_opt(intern!(py, "__arrow_c_stream__"))? else {
            let name = object.get_type().qualname()?;
            let text = format!("an object with __arrow_c_stream__() is needed, got {name}");
            return Err(PyTypeError::new_err(text));
        };
        let capsule = export.call0()?;
        let capsule = capsule.cast::<PyCapsule>()?;
        let pointer = capsule.pointer_checked(Some(STREAM))?;
        // SAFETY: a capsule of this name holds an ArrowArrayStream, by the interface. It is moved out, which leaves one there that
        // is released already, so the capsule's destructor frees nothing; the interpreter is held, so nobody else takes it.
        let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr().cast()) };
        // That of one which was taken before has no functions left.
        if stream.release().is_none() {
            return Err(PyValueError::new_err(
                "the Arrow stream was consumed before",
            ));
        }
        RecordBatchStreamReader::try_new(stream)
            .map(Self)
            .map_err(refused)
    }

    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    /// The next batch. The interpreter need not be held: whoever makes the batches may need it in another thread.
    ///
    /// # Errors
    /// What the maker of the stream says.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        self.0.next().transpose()
    }
}

/// The type that an object stands for which has `__arrow_c_schema__()`, as a data type or a field of pyarrow's.
///
/// # Errors
/// TypeError for an object that has not, and what its method raises.
pub fn data_type(object: &Bound<'_, PyAny>) -> PyResult<DataType> {
    let py = object.py();
    let Some(export) = object.getattr_opt(intern!(py, "__arrow_c_schema__"))? else {
        let name = object.get_type().qualname()?;
        let text =
            format!("an Arrow type is a str, or an object with __arrow_c_schema__(), not {name}");
        return Err(PyTypeError::new_err(text));
    };
    let capsule = export.call0()?;
    let capsule = capsule.cast::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(SCHEMA))?;
    // SAFETY: a capsule of this name holds an ArrowSchema, by the interface, and is alive here; the interpreter is held, so nobody
    // takes the schema meanwhile. It is only read.
    let schema = unsafe { &*pointer.as_ptr().cast::<FFI_ArrowSchema>() };
    if schema.release().is_none() {
        return Err(PyValueError::new_err(
            "the Arrow schema was consumed before",
        ));
    }
    DataType::try_from(schema).map_err(refused)
}

/// What an error of Arrow's says, in an exception.
fn refused(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

//! The plan of reading: an Arrow schema for the columns of a result.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use howdah_types::Format;

use crate::build::{Builder, builder, data_type_of, field, reads_binary_as};
use crate::catalog::Catalog;
use crate::error::Error;
use crate::node::{Node, Nodes};

/// A column of a result, as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The OID of its type.
    pub oid: u32,
    /// The modifier of its type, or -1.
    pub modifier: i32,
}

/// How the columns of a result become Arrow's.
#[derive(Debug, Clone)]
pub struct ReadPlan {
    columns: Vec<(Column, Node)>,
    schema: SchemaRef,
}

impl ReadPlan {
    /// Finds types for these columns: those of `overrides` by name, and for others those that the documentation tells.
    ///
    /// # Errors
    /// An override for a column that there is not, or with a type that the column cannot be read as.
    pub fn new(
        columns: Vec<Column>,
        catalog: &Catalog,
        overrides: &[(String, DataType)],
    ) -> Result<Self, Error> {
        if let Some((name, _)) = overrides
            .iter()
            .find(|(name, _)| !columns.iter().any(|column| column.name == *name))
        {
            let text = format!("the schema overrides column {name:?}, which the result has not");
            return Err(Error::usage(text));
        }
        let mut fields = Vec::with_capacity(columns.len());
        let mut nodes = Vec::with_capacity(columns.len());
        let mut kinds = Nodes::new(catalog);
        for column in columns {
            let node = kinds.node(column.oid, column.modifier);
            let own = overrides
                .iter()
                .rev()
                .find(|(name, _)| *name == column.name);
            let found = match own {
                Some((_, to)) if *to != data_type_of(&node) => {
                    if builder(&node, to).is_none() {
                        let ty = catalog.name(column.oid);
                        let text = format!("type {ty} cannot be read as Arrow's {to}");
                        return Err(Error::unsupported(text).of_column(&column.name));
                    }
                    Field::new(&column.name, to.clone(), true)
                }
                _ => field(&column.name, &node),
            };
            fields.push(found);
            nodes.push((column, node));
        }
        Ok(Self {
            columns: nodes,
            schema: Arc::new(Schema::new(fields)),
        })
    }

    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// In which format a column has to be asked for, if not all can be read in both.
    #[must_use]
    pub fn format(&self, number: usize) -> Format {
        let node = self.columns.get(number).map(|(_, node)| node);
        let to = self
            .schema
            .fields()
            .get(number)
            .map(|field| field.data_type());
        let binary = match (node, to) {
            (Some(node), Some(to)) => reads_binary_as(node, to),
            _ => false,
        };
        if binary { Format::Binary } else { Format::Text }
    }

    /// Whether all columns can be read in binary, which is quicker, and what a COPY gives.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        (0..self.len()).all(|number| self.format(number) == Format::Binary)
    }

    /// Whether a result has the columns that the plan was made for.
    #[must_use]
    pub fn fits(&self, mut types: impl Iterator<Item = u32>) -> bool {
        let same = self
            .columns
            .iter()
            .all(|(column, _)| types.next() == Some(column.oid));
        same && types.next().is_none()
    }

    pub(crate) fn name(&self, number: usize) -> &str {
        self.columns
            .get(number)
            .map_or("", |(column, _)| &column.name)
    }

    pub(crate) fn builders(&self) -> Result<Vec<Box<dyn Builder>>, Error> {
        let fields = self.schema.fields();
        let columns = self.columns.iter().zip(fields);
        let made = columns.map(|((_, node), field)| {
            builder(node, field.data_type())
                .ok_or_else(|| Error::unsupported("no builder").of_column(field.name()))
        });
        made.collect()
    }
}

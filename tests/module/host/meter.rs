//! Has a module count its own steps: WebAssembly is rewritten so that each stretch of operators adds its length to a global.
//!
//! An interpreter's own fuel will not do: wasmi charges a function for all that is not in a loop or an `if` as it is entered, which
//! is five times what runs where code is full of blocks and branches.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, GlobalSection,
    GlobalType, ImportSection, Instruction, TypeSection, ValType,
};
use wasmparser::{KnownCustom, Name, Operator, Parser, Payload, TypeRef};

/// The globals that are added, as they are exported: operators that ran, and calls of the allocator.
pub(super) const INSTRUCTIONS: &str = "counted instructions";
pub(super) const ALLOCATIONS: &str = "counted allocations";

/// Where functions are imported from that are told of each call, with the index of the function.
pub(super) const PROFILE: &str = "profile";
pub(super) const ENTER: &str = "enter";
pub(super) const LEAVE: &str = "leave";

/// Those are the first imports.
const HOOKS: u32 = 2;

/// What the names of functions hold that give new or more memory: Rust's allocator, whatever stands behind it.
const ALLOCATORS: [&str; 3] = ["__rust_alloc", "__rust_alloc_zeroed", "__rust_realloc"];

/// How much is to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// How many instructions run, and how often memory is allocated, where the module names its functions.
    Counts,
    /// In which function they run, too.
    Profile,
}

/// A module that counts, and the names of its functions where it has any.
pub(crate) struct Metered {
    pub(crate) octets: Vec<u8>,
    pub(crate) names: BTreeMap<u32, String>,
}

/// Rewrites a module.
pub(crate) fn metered(octets: &[u8], detail: Detail) -> Metered {
    let outline = Outline::of(octets);
    let names = outline.names.clone();
    let mut meter = Meter { function: outline.imports, outline, detail };
    let mut module = wasm_encoder::Module::new();
    meter.parse_core_module(&mut module, Parser::new(0), octets).expect("a module");
    Metered { octets: module.finish(), names }
}

/// What is to be known of a module before it is rewritten.
#[derive(Default)]
struct Outline {
    /// How many functions are imported.
    imports: u32,
    globals: u32,
    types: u32,
    /// What functions of each type answer.
    results: Vec<Vec<ValType>>,
    /// The type of each function that is not imported.
    functions: Vec<u32>,
    names: BTreeMap<u32, String>,
    allocators: HashSet<u32>,
}

impl Outline {
    fn of(octets: &[u8]) -> Outline {
        let mut outline = Outline::default();
        for payload in Parser::new(0).parse_all(octets) {
            match payload.expect("a module") {
                Payload::TypeSection(types) => {
                    outline.types = types.count();
                    for kind in types.into_iter_err_on_gc_types() {
                        let results = kind
                            .unwrap()
                            .results()
                            .iter()
                            .map(|kind| ValType::try_from(*kind).unwrap())
                            .collect();
                        outline.results.push(results);
                    }
                }
                Payload::ImportSection(imports) => {
                    let functions = imports
                        .into_iter()
                        .filter(|import| matches!(import.as_ref().unwrap().ty, TypeRef::Func(_)));
                    outline.imports = u32::try_from(functions.count()).unwrap();
                }
                Payload::FunctionSection(functions) => {
                    outline.functions = functions.into_iter().map(Result::unwrap).collect();
                }
                Payload::GlobalSection(globals) => outline.globals = globals.count(),
                Payload::CustomSection(custom) => {
                    if let KnownCustom::Name(names) = custom.as_known() {
                        outline.name(names);
                    }
                }
                _ => {}
            }
        }
        outline
    }

    fn name(&mut self, names: wasmparser::NameSectionReader<'_>) {
        for name in names {
            if let Ok(Name::Function(functions)) = name {
                self.names = functions
                    .into_iter()
                    .map(Result::unwrap)
                    .map(|name| (name.index, readable(name.name)))
                    .collect();
            }
        }
        let allocators =
            self.names.iter().filter(|(_, name)| ALLOCATORS.iter().any(|known| name.ends_with(known)));
        self.allocators = allocators.map(|(index, _)| *index).collect();
    }
}

/// A name without the hash that rustc adds.
fn readable(name: &str) -> String {
    let name = rustc_demangle::demangle(name);
    format!("{name:#}")
}

struct Meter {
    outline: Outline,
    detail: Detail,
    /// The index of the next function in the code section, as it was.
    function: u32,
}

impl Meter {
    fn add(&self, function: &mut Function, counter: u32, number: u32) {
        if number > 0 {
            let global = self.outline.globals + counter;
            function.instruction(&Instruction::GlobalGet(global));
            function.instruction(&Instruction::I64Const(number.into()));
            function.instruction(&Instruction::I64Add);
            function.instruction(&Instruction::GlobalSet(global));
        }
    }

    /// What the block around a function's body answers; `None` where it has none.
    fn wrapper(&self) -> Option<BlockType> {
        let at = usize::try_from(self.function - self.outline.imports).unwrap();
        let kind = usize::try_from(*self.outline.functions.get(at)?).unwrap();
        match (self.detail, self.outline.results.get(kind)?.as_slice()) {
            (Detail::Profile, []) => Some(BlockType::Empty),
            (Detail::Profile, [one]) => Some(BlockType::Result(*one)),
            (Detail::Profile, _) | (Detail::Counts, _) => None,
        }
    }

    fn tell(&self, function: &mut Function, hook: u32) {
        function.instruction(&Instruction::I32Const(i32::try_from(self.function).unwrap()));
        function.instruction(&Instruction::Call(hook));
    }
}

impl Reencode for Meter {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> u32 {
        match self.detail {
            Detail::Counts => function,
            Detail::Profile => function + HOOKS,
        }
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([ValType::I32], []);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        if self.detail == Detail::Profile {
            for hook in [ENTER, LEAVE] {
                imports.import(PROFILE, hook, EntityType::Function(self.outline.types));
            }
        }
        utils::parse_import_section(self, imports, section)
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_global_section(self, globals, section)?;
        for _ in [INSTRUCTIONS, ALLOCATIONS] {
            let kind = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
            globals.global(kind, &ConstExpr::i64_const(0));
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_export_section(self, exports, section)?;
        for (counter, name) in [INSTRUCTIONS, ALLOCATIONS].into_iter().enumerate() {
            exports.export(name, ExportKind::Global, self.outline.globals + u32::try_from(counter).unwrap());
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: wasmparser::FunctionBody<'_>,
    ) -> Result<(), Error<Infallible>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        if self.outline.allocators.contains(&self.function) {
            self.add(&mut function, 1, 1);
        }
        let wrapper = self.wrapper();
        if let Some(results) = wrapper {
            self.tell(&mut function, 0);
            function.instruction(&Instruction::Block(results));
        }
        let (mut depth, mut stretch) = (0, 0);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            let flow = Flow::of(&operator);
            stretch += flow.cost;
            if flow.ends {
                self.add(&mut function, 0, stretch);
                stretch = 0;
            }
            match (&operator, wrapper) {
                (Operator::Return, Some(_)) => {
                    function.instruction(&Instruction::Br(depth));
                }
                (Operator::End, Some(_)) if depth == 0 => {
                    function.instruction(&Instruction::End);
                    self.tell(&mut function, 1);
                    function.instruction(&Instruction::End);
                }
                (_, _) => {
                    depth = depth.wrapping_add_signed(flow.depth);
                    function.instruction(&self.instruction(operator)?);
                }
            }
        }
        code.function(&function);
        self.function += 1;
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        _module: &mut wasm_encoder::Module,
        _section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        // Names would be those of other functions.
        Ok(())
    }
}

/// What an operator means for counting.
struct Flow {
    /// Those that only mark a place cost nothing.
    cost: u32,
    /// Whether what comes after it may run without what came before, or the other way round, or it runs something else.
    ends: bool,
    /// By how much blocks are nested deeper after it.
    depth: i32,
}

impl Flow {
    fn of(operator: &Operator<'_>) -> Flow {
        use Operator::{
            Block, Br, BrIf, BrTable, Call, CallIndirect, Drop, Else, End, If, Loop, Nop, Return, Unreachable,
        };
        let (cost, ends, depth) = match operator {
            Nop | Drop => (0, false, 0),
            Block { .. } => (0, false, 1),
            Loop { .. } => (0, true, 1),
            If { .. } => (1, true, 1),
            Else => (0, true, 0),
            End => (0, true, -1),
            Unreachable | Return => (0, true, 0),
            Br { .. } | BrIf { .. } | BrTable { .. } | Call { .. } | CallIndirect { .. } => (1, true, 0),
            _ => (1, false, 0),
        };
        Flow { cost, ends, depth }
    }
}

//! One VM with the filter in it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use wasmi::{
    AsContext as _, Engine, Error, Global, Linker, Module, Store, TypedFunc, WasmParams, WasmResults,
};

use super::abi::CONTINUE;
use super::fault::Fault;
use super::guest::Reach;
use super::meter::{ALLOCATIONS, Detail, INSTRUCTIONS, Metered, metered};
use super::profile::{self, Profile};
use super::stream::{Fate, Stream};
use super::world::{Response, World};
use super::{calls, wasi};

/// The context of the plugin.
const ROOT: i32 = 1;

/// What an instance of the module works on.
pub(super) struct State {
    pub(super) world: World,
    pub(super) reach: Option<Reach>,
    pub(super) profile: Profile,
}

/// A module, ready to run.
pub(crate) struct Code {
    engine: Engine,
    module: Module,
    /// The names of functions by their indices; none where it was stripped of them.
    pub(crate) names: BTreeMap<u32, String>,
}

/// The filter that is shipped.
pub(crate) static FILTER: LazyLock<Code> =
    LazyLock::new(|| Code::new(&crate::module::shipped(), Detail::Counts));

/// The same as it was before it was made smaller, when its functions had names.
pub(crate) static NAMED: LazyLock<Code> =
    LazyLock::new(|| Code::new(&crate::module::named(), Detail::Counts));

/// The same, telling which of its functions runs.
pub(crate) static PROFILED: LazyLock<Code> =
    LazyLock::new(|| Code::new(&crate::module::named(), Detail::Profile));

impl Code {
    pub(crate) fn new(octets: &[u8], detail: Detail) -> Code {
        let Metered { octets, names } = metered(octets, detail);
        let engine = Engine::default();
        let module = Module::new(&engine, &octets).expect("a module that WebAssembly allows");
        Code { engine, module, names }
    }
}

/// One VM with the filter in it.
pub(crate) struct Vm {
    store: Store<State>,
    exports: Exports,
    last_context: i32,
}

/// What the host calls of the filter.
struct Exports {
    create: TypedFunc<(i32, i32), ()>,
    configure: TypedFunc<(i32, i32), i32>,
    headers: TypedFunc<(i32, i32, i32), i32>,
    body: TypedFunc<(i32, i32, i32), i32>,
    trailers: TypedFunc<(i32, i32), i32>,
    response: TypedFunc<(i32, i32, i32, i32, i32), ()>,
    tick: TypedFunc<i32, ()>,
    done: TypedFunc<i32, i32>,
    delete: TypedFunc<i32, ()>,
}

/// The filter has trapped: Envoy answers every request of the VM with 503, and loads the filter anew.
#[derive(Debug)]
pub(crate) struct Trap(pub(crate) String);

impl From<Error> for Trap {
    fn from(error: Error) -> Trap {
        Trap(error.to_string())
    }
}

/// What the filter has used: instructions, allocations of memory (of a module that names its functions), and calls by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) instructions: u64,
    pub(crate) allocations: u64,
    pub(crate) calls: Vec<&'static str>,
}

impl Vm {
    /// A VM with a root context, not configured yet.
    pub(crate) fn start(code: &Code) -> Vm {
        let mut store =
            Store::new(&code.engine, State { world: World::new(), reach: None, profile: Profile::default() });
        let mut linker = Linker::new(&code.engine);
        calls::link(&mut linker).expect("no import twice");
        wasi::link(&mut linker).expect("no import twice");
        profile::link(&mut linker).expect("no import twice");
        calls::refuse_others(&mut linker, &code.module);
        let instance = linker.instantiate_and_start(&mut store, &code.module).expect("every import is there");
        fn export<P: WasmParams, R: WasmResults>(
            instance: &wasmi::Instance,
            store: &Store<State>,
            name: &str,
        ) -> TypedFunc<P, R> {
            instance.get_typed_func(store, name).unwrap_or_else(|error| panic!("`{name}`: {error}"))
        }
        let counter = |instance: &wasmi::Instance, store: &Store<State>, name: &str| -> Global {
            instance.get_global(store, name).expect("a counter")
        };
        let exports = Exports {
            create: export(&instance, &store, "proxy_on_context_create"),
            configure: export(&instance, &store, "proxy_on_configure"),
            headers: export(&instance, &store, "proxy_on_request_headers"),
            body: export(&instance, &store, "proxy_on_request_body"),
            trailers: export(&instance, &store, "proxy_on_request_trailers"),
            response: export(&instance, &store, "proxy_on_http_call_response"),
            tick: export(&instance, &store, "proxy_on_tick"),
            done: export(&instance, &store, "proxy_on_done"),
            delete: export(&instance, &store, "proxy_on_delete"),
        };
        store.data_mut().reach = Some(Reach {
            memory: instance.get_memory(&store, "memory").expect("a memory"),
            allocate: export(&instance, &store, "proxy_on_memory_allocate"),
            instructions: counter(&instance, &store, INSTRUCTIONS),
            allocations: counter(&instance, &store, ALLOCATIONS),
        });
        store.data_mut().world.root = ROOT;
        let initialize: TypedFunc<(), ()> = export(&instance, &store, "_initialize");
        let vm_start: TypedFunc<(i32, i32), i32> = export(&instance, &store, "proxy_on_vm_start");
        let mut vm = Vm { store, exports, last_context: ROOT };
        vm.call(ROOT, initialize, ()).expect("the module begins");
        vm.call(ROOT, vm.exports.create, (ROOT, 0)).expect("a root context");
        assert_eq!(vm.call(ROOT, vm_start, (ROOT, 0)).expect("the VM begins"), 1);
        vm
    }

    /// Configures the plugin. Says whether it took the policy.
    pub(crate) fn configure(&mut self, policy: &str) -> Result<bool, Trap> {
        self.world().configuration = policy.as_bytes().to_vec();
        let size = i32::try_from(policy.len()).unwrap();
        Ok(self.call(ROOT, self.exports.configure, (ROOT, size))? != 0)
    }

    /// A new stream, whose headers come. Answers its context.
    pub(crate) fn open(&mut self, stream: Stream, is_whole: bool) -> Result<(i32, Fate), Trap> {
        self.last_context += 1;
        let context = self.last_context;
        let number = i32::try_from(stream.headers.len()).unwrap();
        self.world().streams.insert(context, stream);
        self.call(context, self.exports.create, (context, ROOT))?;
        let action = self.call(context, self.exports.headers, (context, number, i32::from(is_whole)))?;
        Ok((context, self.fate(context, action)))
    }

    /// Its trailers come.
    pub(crate) fn trailers(&mut self, context: i32) -> Result<Fate, Trap> {
        let number = i32::try_from(self.stream(context).trailers.len()).unwrap();
        let action = self.call(context, self.exports.trailers, (context, number))?;
        self.stream(context).trailers_went_on = action == CONTINUE;
        Ok(self.fate(context, action))
    }

    /// A part of its body comes.
    pub(crate) fn body(&mut self, context: i32, size: i32) -> Result<Fate, Trap> {
        let action = self.call(context, self.exports.body, (context, size, 0))?;
        Ok(self.fate(context, action))
    }

    /// The stream is over. Answers it as it was left.
    pub(crate) fn close(&mut self, context: i32) -> Result<Stream, Trap> {
        self.call(context, self.exports.done, context)?;
        self.call(context, self.exports.delete, context)?;
        Ok(self.world().streams.remove(&context).expect("an open stream"))
    }

    /// The timer has run out.
    pub(crate) fn tick(&mut self) -> Result<(), Trap> {
        self.call(ROOT, self.exports.tick, ROOT)
    }

    /// A server has answered; `None` where the call has failed.
    pub(crate) fn respond(&mut self, token: i32, response: Option<Response>) -> Result<(), Trap> {
        self.world().sent.remove(&token).expect("a call that was sent");
        let response = response.unwrap_or_default();
        let number = i32::try_from(response.headers.len()).unwrap();
        let size = i32::try_from(response.body.len()).unwrap();
        self.world().response = (number > 0).then_some(response);
        let result = self.call(ROOT, self.exports.response, (ROOT, token, number, size, 0));
        self.world().response = None;
        result
    }

    /// Envoy wants to end the plugin. Says whether it may at once.
    pub(crate) fn end(&mut self) -> Result<bool, Trap> {
        Ok(self.call(ROOT, self.exports.done, ROOT)? != 0)
    }

    pub(crate) fn world(&mut self) -> &mut World {
        &mut self.store.data_mut().world
    }

    /// An open stream.
    pub(crate) fn stream(&mut self, context: i32) -> &mut Stream {
        self.world().streams.get_mut(&context).expect("an open stream")
    }

    /// Whether a request has gone to the upstream, as far as can be told.
    pub(crate) fn has_passed(&mut self, context: i32) -> bool {
        self.world().streams.get(&context).is_some_and(|stream| stream.went_on)
    }

    /// What the filter uses while `act` runs.
    pub(crate) fn measure<T>(&mut self, act: impl FnOnce(&mut Vm) -> T) -> (T, Used) {
        self.world().calls.clear();
        let before = self.counted();
        let result = act(self);
        let after = self.counted();
        let used = Used {
            instructions: after.0 - before.0,
            allocations: after.1 - before.1,
            calls: std::mem::take(&mut self.world().calls),
        };
        (result, used)
    }

    /// Has one of the calls from here on answered otherwise than it should be.
    pub(crate) fn inject(&mut self, fault: Option<Fault>) {
        self.world().calls.clear();
        self.world().fault = fault;
    }

    /// The size of the filter's memory, in pages of 64 KiB.
    pub(crate) fn pages(&self) -> u64 {
        let reach = self.store.data().reach.expect("it is linked");
        reach.memory.size(self.store.as_context())
    }

    /// In which functions it spent how many instructions since this was asked last; only of a module that tells.
    pub(crate) fn profile(&mut self) -> Profile {
        std::mem::take(&mut self.store.data_mut().profile)
    }

    /// Instructions and allocations so far.
    fn counted(&self) -> (u64, u64) {
        let reach = self.store.data().reach.expect("it is linked");
        (reach.counted(&self.store, reach.instructions), reach.counted(&self.store, reach.allocations))
    }

    /// What has become of a stream whose headers were answered so.
    fn fate(&mut self, context: i32, action: i32) -> Fate {
        let stream = self.stream(context);
        stream.went_on |= action == CONTINUE;
        stream.fate()
    }

    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        context: i32,
        function: TypedFunc<P, R>,
        parameters: P,
    ) -> Result<R, Trap> {
        self.world().context = context;
        Ok(function.call(&mut self.store, parameters)?)
    }
}

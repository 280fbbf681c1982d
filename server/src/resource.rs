//! An address with its methods: whatever else is asked of it is answered with a problem that names them.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::{Handler, Resource, Responder, Route, web};

use crate::error::{Code, Problem};

/// One address and the handlers of its methods.
pub struct Address {
    resource: Resource,
    methods: Vec<&'static str>,
}

/// Begins an address; `path` is relative to its scope.
#[must_use]
pub fn at(path: &str) -> Address {
    Address { resource: web::resource(path), methods: Vec::new() }
}

impl Address {
    /// Answers a method by a handler.
    #[must_use]
    pub fn on<F, Args>(mut self, method: &Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.push(method_name(method));
        self.resource = self.resource.route(Route::new().method(method.clone()).to(handler));
        self
    }

    /// Answers GET.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&Method::GET, handler)
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&Method::POST, handler)
    }

    /// Answers PATCH.
    #[must_use]
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&Method::PATCH, handler)
    }
}

impl HttpServiceFactory for Address {
    fn register(self, config: &mut AppService) {
        let methods = self.methods.join(", ");
        let refuse = move || {
            let methods = methods.clone();
            async move {
                let detail = format!("This address takes {methods}");
                Err::<actix_web::HttpResponse, _>(Problem::new(Code::MethodNotAllowed, detail).allowing(&methods))
            }
        };
        self.resource.default_service(web::route().to(refuse)).register(config);
    }
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OPTIONS",
    }
}

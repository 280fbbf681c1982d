//! An address with its methods: whatever else is asked of it is answered with a problem that names them. It can say what
//! it answers, so that a test can go through all of them.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::{Handler, Resource, Responder, web};

use crate::error::{Code, Problem};

/// One address and the handlers of its methods.
pub struct Address {
    path: &'static str,
    resource: Resource,
    methods: Vec<&'static str>,
}

/// Begins an address; `path` is relative to its scope.
#[must_use]
pub fn at(path: &'static str) -> Address {
    Address { path, resource: web::resource(path), methods: Vec::new() }
}

/// One method of one address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// For example `GET`.
    pub method: &'static str,
    /// The whole address, with names in braces for its parts: `/api/v1/records/{id}`.
    pub path: String,
}

impl Address {
    /// What it answers, below `scope`.
    pub(crate) fn routes(&self, scope: &str) -> impl Iterator<Item = Route> {
        let path = format!("{scope}{}", self.path);
        self.methods.iter().map(move |method| Route { method, path: path.clone() })
    }

    /// Answers a method by a handler.
    #[must_use]
    pub fn on<F, Args>(mut self, method: &Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.push(method_name(method));
        self.resource = self.resource.route(web::method(method.clone()).to(handler));
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

    /// Answers PUT.
    #[must_use]
    pub fn put<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&Method::PUT, handler)
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

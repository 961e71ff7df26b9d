//! Words to describe a call with, over utoipa's builders.

use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{
    Content, HeaderBuilder, KnownFormat, OneOfBuilder, RefOr, Required, ResponseBuilder, SecurityRequirement,
};

/// JSON.
pub(crate) const JSON: &str = "application/json";
/// A form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// A form with parts.
pub(crate) const MULTIPART: &str = "multipart/form-data";
/// The name of 004's `Authorization: Token …` in the document.
pub(crate) const TOKEN_SCHEME: &str = "token";

/// A call, described.
pub(crate) struct Description {
    /// As its document writes it.
    pub(crate) path: &'static str,
    /// How it is asked.
    pub(crate) method: HttpMethod,
    /// The rest.
    pub(crate) operation: Operation,
}

/// A call being described.
pub(crate) struct Draft {
    path: &'static str,
    method: HttpMethod,
    operation: OperationBuilder,
    errors: Schema,
}

/// What stands in a body.
#[derive(Clone)]
pub(crate) enum Shape {
    /// A text that is not empty.
    Text,
    /// A text that may be empty.
    AnyText,
    /// An e-mail address.
    Email,
    /// A password of at least so many characters.
    Password(usize),
    /// A UUID.
    Uuid,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A boolean.
    Flag,
    /// An integer.
    Integer,
    /// A list of texts.
    Texts,
    /// An object of these members, and others.
    Object(Vec<Member>),
    /// One of these.
    Either(Vec<Shape>),
}

/// A member of an object.
#[derive(Clone)]
pub(crate) struct Member {
    name: &'static str,
    shape: Shape,
    required: bool,
}

/// A member that is always there.
pub(crate) fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: true }
}

/// A member that may be left out.
pub(crate) fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: false }
}

impl Draft {
    /// A call of a surface (the tag) whose refusals have this body.
    pub(crate) fn new(
        tag: &str,
        method: HttpMethod,
        path: &'static str,
        summary: &str,
        errors: &Shape,
    ) -> Draft {
        let parameter = path.split('/').find_map(|s| s.strip_prefix('{')?.strip_suffix('}'));
        let parameter = parameter.map(|name| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(schema(&Shape::Text)))
                .build()
        });
        let operation =
            OperationBuilder::new().tag(tag).summary(Some(summary)).parameters(parameter.map(|p| [p]));
        Draft { path, method, operation, errors: schema(errors) }
            .refuses(405, "Another method; `Allow` names those that are served.")
            .refuses(414, "The address of the request is too long.")
            .refuses(431, "The headers of the request are too large.")
            .refuses(500, "A fault inside the server.")
            .refuses_for_now(503, "Not possible just now; nothing was changed.")
    }

    /// The body of the request.
    pub(crate) fn takes(self, media_types: &[&'static str], members: Vec<Member>) -> Draft {
        let body = Shape::Object(members);
        let bodies: Vec<(&str, Shape)> = media_types.iter().map(|m| (*m, body.clone())).collect();
        self.takes_each(&bodies)
    }

    /// The body of the request, where each media type has another.
    pub(crate) fn takes_each(mut self, bodies: &[(&str, Shape)]) -> Draft {
        let body = bodies.iter().fold(RequestBodyBuilder::new(), |body, (media_type, shape)| {
            body.content(*media_type, Content::new(Some(schema(shape))))
        });
        self.operation = self.operation.request_body(Some(body.required(Some(Required::True)).build()));
        self.refuses(400, "The request is not as it should be.")
            .refuses(408, "The body did not arrive in time.")
            .refuses(413, "The body is too large.")
    }

    /// The call shows a token.
    pub(crate) fn authenticated(mut self) -> Draft {
        let scopes: [&str; 0] = [];
        self.operation = self.operation.security(SecurityRequirement::new(TOKEN_SCHEME, scopes));
        self
    }

    /// An answer without a body.
    pub(crate) fn answers(self, status: u16, description: &str) -> Draft {
        self.responds(status, ResponseBuilder::new().description(description))
    }

    /// An answer with a JSON body.
    pub(crate) fn answers_with(self, status: u16, description: &str, body: &Shape) -> Draft {
        let content = Content::new(Some(schema(body)));
        self.responds(status, ResponseBuilder::new().description(description).content(JSON, content))
    }

    /// A refusal.
    pub(crate) fn refuses(self, status: u16, description: &str) -> Draft {
        let response = self.refusal(description);
        self.responds(status, response)
    }

    /// A refusal that says when to come again.
    pub(crate) fn refuses_for_now(self, status: u16, description: &str) -> Draft {
        let after = HeaderBuilder::new()
            .description(Some("Seconds after which to try again."))
            .schema(Some(schema(&Shape::Integer)))
            .build();
        let response = self.refusal(description).header("Retry-After", after);
        self.responds(status, response)
    }

    /// 429, which every call that can be tried too often answers.
    pub(crate) fn is_limited(self) -> Draft {
        self.refuses_for_now(429, "Tried too often.")
    }

    /// The description.
    pub(crate) fn done(self) -> Description {
        Description { path: self.path, method: self.method, operation: self.operation.build() }
    }

    fn refusal(&self, description: &str) -> ResponseBuilder {
        let content = Content::new(Some(self.errors.clone()));
        ResponseBuilder::new().description(description).content(JSON, content)
    }

    fn responds(mut self, status: u16, response: ResponseBuilder) -> Draft {
        self.operation = self.operation.response(status.to_string(), response.build());
        self
    }
}

fn schema(shape: &Shape) -> Schema {
    let of_type = |kind| ObjectBuilder::new().schema_type(SchemaType::new(kind));
    let text = || of_type(Type::String);
    let format = |known| Some(SchemaFormat::KnownFormat(known));
    match shape {
        Shape::Text => text().min_length(Some(1)).into(),
        Shape::AnyText => text().into(),
        Shape::Email => text().format(format(KnownFormat::Email)).max_length(Some(254)).into(),
        Shape::Password(min) => text().format(format(KnownFormat::Password)).min_length(Some(*min)).into(),
        Shape::Uuid => text().format(Some(SchemaFormat::Custom("uuid".to_owned()))).into(),
        Shape::OneOf(values) => text().enum_values(Some(values.iter().copied().map(Value::from))).into(),
        Shape::Flag => of_type(Type::Boolean).into(),
        Shape::Integer => of_type(Type::Integer).into(),
        Shape::Texts => ArrayBuilder::new().items(RefOr::T(Schema::from(text()))).into(),
        Shape::Object(members) => members.iter().fold(of_type(Type::Object), with_member).into(),
        Shape::Either(shapes) => {
            shapes.iter().fold(OneOfBuilder::new(), |either, shape| either.item(schema(shape))).into()
        }
    }
}

fn with_member(object: ObjectBuilder, member: &Member) -> ObjectBuilder {
    let object = object.property(member.name, schema(&member.shape));
    if member.required { object.required(member.name) } else { object }
}

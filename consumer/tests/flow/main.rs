//! Command in → event → projection → query out, over real servers, without sleeping.

mod log;
mod log_reader;

#![allow(dead_code, unused_imports)]
mod rates { 
    mod exact; mod gcra; mod limiter; mod planted; mod subject;
}

// Overloaded: one function object out of several lambdas, for std::visit.
#pragma once

namespace svc {

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};

} // namespace svc

// The least that can be started: what is left is the cost of starting.
int main() {
    return 0;
}

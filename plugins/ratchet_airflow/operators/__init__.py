"""One operator a step: it reads its run, calls the step, logs one line and returns the result."""

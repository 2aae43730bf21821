"""Model servers: questions in, scores from 0 to 1 out, in time or a sentence that says why not."""

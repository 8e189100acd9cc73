"""OpenSubsonic at `/rest`, for the players that people have: the same questions and lists in that API's shapes."""

-- What may be done with the model: exact, provisional with bounds, or refused. It follows from the analysis by a rule
-- of the engine; kept beside it so that whoever only reads need not know the rule. NULL in rows of older code.
ALTER TABLE write.analyses ADD COLUMN standing jsonb;

CREATE TABLE "directory_numbers" (
	"number" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "directory_numbers_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"person_id" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "directory_numbers" ADD CONSTRAINT "directory_numbers_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "directory_numbers_person_key" ON "directory_numbers" USING btree ("person_id");--> statement-breakpoint
-- By hand: every person has a number. A trigger also serves nodes of the version before, which continue during an upgrade.
INSERT INTO "directory_numbers" ("person_id") SELECT "id" FROM "persons" ORDER BY "created_at", "id";--> statement-breakpoint
CREATE FUNCTION "number_persons"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO directory_numbers (person_id) SELECT id FROM inserted; RETURN NULL; END $$;--> statement-breakpoint
CREATE TRIGGER "number_persons" AFTER INSERT ON "persons" REFERENCING NEW TABLE AS "inserted" FOR EACH STATEMENT EXECUTE FUNCTION "number_persons"();
